// Compares the 128-bit helpers of runtime/rt.c with the host compiler's arithmetic on twenty million random pairs.
// Build and run: cc -O2 -o /tmp/runtime toolchain/proof/runtime.c && /tmp/runtime
#include <stdio.h>
#include <stdlib.h>

// The helpers' own C library functions must not shadow the host's.
#define abort helper_abort
#define memcpy helper_memcpy
#define memmove helper_memmove
#define memset helper_memset
#define memcmp helper_memcmp
#define bcmp helper_bcmp
#define strlen helper_strlen
#include "../runtime/rt.c"
#undef abort

typedef unsigned __int128 u128;
typedef __int128 i128;

u64 sol_log_(const void *p, u64 n) { return 0; }
u64 sol_memmove_(void *d, const void *s, u64 n) { return 0; }
u64 sol_memset_(void *d, u64 c, u64 n) { return 0; }
u64 sol_memcmp_(const void *a, const void *b, u64 n, int *r) { return 0; }
void helper_abort(void) { exit(1); }

static u64 state = 88172645463325252ull;

static u64 next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

// Small, sparse, around powers of two, and full.
static u128 operand(void) {
  u64 kind = next() % 8;
  u128 v = ((u128)next() << 64) | next();
  u32 s = next() % 128;
  if (kind < 4) return v >> s;
  if (kind == 4) return (u128)1 << s;
  if (kind == 5) return ((u128)1 << s) - 1;
  if (kind == 6) return ~(v >> s);
  return v;
}

static u128 word(const u64 *o) { return (u128)o[1] << 64 | o[0]; }

static void expect(int equal, const char *what, u128 a, u128 b) {
  if (equal) return;
  printf("%s: %016llx%016llx %016llx%016llx\n", what, (u64)(a >> 64), (u64)a, (u64)(b >> 64), (u64)b);
  exit(1);
}

static void products(u128 a, u128 b) {
  u64 o[4];
  u128 u;
  i128 s;
  int over = __builtin_mul_overflow(a, b, &u);
  expect(__sbf_umulo128(o, a, a >> 64, b, b >> 64) == (u64)over && word(o) == u, "unsigned product", a, b);
  over = __builtin_mul_overflow((i128)a, (i128)b, &s);
  expect(__sbf_smulo128(o, a, a >> 64, b, b >> 64) == (u64)over && word(o) == (u128)s, "signed product", a, b);
}

static void quotients(u128 a, u128 b) {
  u64 o[4];
  __sbf_udivmod128(o, a, a >> 64, b, b >> 64);
  expect(word(o) == a / b && word(o + 2) == a % b, "unsigned quotient", a, b);
  if (b == ~(u128)0 && a == (u128)1 << 127) return; // overflows
  __sbf_sdivmod128(o, a, a >> 64, b, b >> 64);
  expect(word(o) == (u128)((i128)a / (i128)b) && word(o + 2) == (u128)((i128)a % (i128)b), "signed quotient", a, b);
}

int main(void) {
  for (long i = 0; i < 20000000; i++) {
    u128 a = operand(), b = operand();
    products(a, b);
    if (b) quotients(a, b);
  }
  puts("20000000 pairs, no difference");
}

import { isSolanaError, SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM } from '@solana/kit';

import { ERRORS } from './generated/errorNames.js';

/** An error of the program. */
export type Refusal = { code: number; name: string; message: string };

/** The error of the program with this number; none where it has none. */
export function refusal(code: number): Refusal | undefined {
  const error = ERRORS.get(code);
  return error && { code, ...error };
}

/** The error of the program with this name; none where it has none. */
export function refusalNamed(name: string): Refusal | undefined {
  for (const [code, error] of ERRORS) if (error.name === name) return { code, ...error };
  return undefined;
}

/** The error of the program that a transaction failed with, wherever Kit wrapped it; none where it failed otherwise. */
export function refusalOf(error: unknown): Refusal | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isSolanaError(at, SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM)) return refusal(at.context.code);
  }
  return undefined;
}

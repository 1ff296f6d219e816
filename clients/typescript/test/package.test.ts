// What would be published, as who installs it has it: packed, unpacked beside its peer, compiled against and run.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

const PROGRAM = `
import { amounts, HealthError, instrument, poolAddress, refusal, Snapshot, NOVATE_PROGRAM_ADDRESS } from '@novate/client';
import { readFileSync } from 'node:fs';

const price: bigint = amounts.parse('60000', amounts.PRICE);
const pool = await poolAddress(NOVATE_PROGRAM_ADDRESS, 0);
const wasm = readFileSync(new URL(import.meta.resolve('@novate/client/novate.wasm')));
const exported = WebAssembly.Module.exports(await WebAssembly.compile(wasm)).length;
console.log(JSON.stringify([price.toString(), typeof pool, instrument.perpetual(0).toString(), refusal(6407)?.name,
  typeof Snapshot.fetch, new HealthError('(PriceStale)').refusal?.code, exported > 0]));
`;

test('the package compiles and runs where it is installed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'novate-client-'));
  try {
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: PACKAGE });
    const [packed] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
    const beside = packed.files.map(file => file.path).filter(path => !path.startsWith('dist/'));
    deepEqual(beside.sort(), ['README.md', 'package.json']);

    const modules = join(folder, 'node_modules');
    await mkdir(join(modules, '@novate/client'), { recursive: true });
    await run('tar', ['-xzf', join(folder, packed.filename), '--strip-components', '1', '-C', join(modules, '@novate/client')]);
    for (const name of ['@solana', '@types']) await symlink(join(PACKAGE, 'node_modules', name), join(modules, name));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'program.ts'), PROGRAM);
    const options = ['--target', 'es2022', '--module', 'nodenext', '--strict', '--skipLibCheck', 'false'];
    await run(join(PACKAGE, 'node_modules/.bin/tsc'), ['--types', 'node', ...options, 'program.ts'], { cwd: folder });
    const said = await run('node', ['program.js'], { cwd: folder });
    const [price, pool, perpetual, stale, fetch, code, exported] = JSON.parse(said.stdout) as unknown[];
    equal(price, '60000000000000');
    deepEqual([pool, perpetual, stale, fetch, code, exported], ['string', '1099511627776', 'PriceStale', 'function', 6407, true]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

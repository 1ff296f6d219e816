// Writes src/generated from the program's interface description, with Codama.

import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { rootNodeFromAnchor } from '@codama/nodes-from-anchor';
import { renderVisitor } from '@codama/renderers-js';
import { visit } from '@codama/visitors-core';
import { getProgramDerivedAddress } from '@solana/kit';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..');
const idl = JSON.parse(readFileSync(join(folder, '../../target/idl/novate.json'), 'utf8'));

/** Codama knows no aliases: what they stand for takes their place. */
function withoutAliases(idl) {
  const aliases = new Map(idl.types.filter(t => t.type.kind === 'type').map(t => [t.name, t.type.alias]));
  idl.types = idl.types.filter(t => !aliases.has(t.name));
  return JSON.parse(JSON.stringify(idl, (_, value) => aliases.get(value?.defined?.name) ?? value));
}

/**
 * Fills in the two accounts that emit events, which are always the same, and leaves derived addresses to src/addresses.ts: Codama
 * takes a seed that is a field of another account for that account's address.
 */
async function fixAccounts(idl) {
  const [eventAuthority] = await getProgramDerivedAddress({ programAddress: idl.address, seeds: ['__event_authority'] });
  const fixed = { event_authority: eventAuthority, program: idl.address };
  for (const account of idl.instructions.flatMap(i => i.accounts)) {
    delete account.pda;
    if (fixed[account.name]) account.address = fixed[account.name];
  }
}

/**
 * Codama imports folders and files by their bare names, Node does not; and what it says that its plugin returns is not what this
 * version of Kit finds.
 */
function mend(folder) {
  for (const path of readdirSync(folder, { recursive: true }).filter(p => p.endsWith('.ts'))) {
    const file = join(folder, path);
    const named = readFileSync(file, 'utf8').replace(/from '(\.[^']*)'/g, (_, target) => {
      const isFolder = statSync(join(dirname(file), target), { throwIfNoEntry: false })?.isDirectory();
      return `from '${target}${isFolder ? '/index' : ''}.js'`;
    });
    writeFileSync(file, named.replace(/\(client: T\): Omit<T, "novate"> & { novate: NovatePlugin } =>/, '(client: T) =>'));
  }
}

/** An account and an instruction of one name, such as Stake and stake, both have a discriminator of that name: the account's is exported. */
function settleNames(idl, folder) {
  for (const { name } of idl.accounts.filter(a => idl.instructions.some(i => i.name === snake(a.name)))) {
    const both = `get${name}DiscriminatorBytes, ${snake(name).toUpperCase()}_DISCRIMINATOR`;
    appendFileSync(join(folder, 'index.ts'), `\nexport { ${both} } from './accounts/index.js';\n`);
  }
}

const snake = name => name.replace(/\B[A-Z]/g, '_$&').toLowerCase();

await fixAccounts(idl);
const root = rootNodeFromAnchor(withoutAliases(idl));
await visit(root, renderVisitor(folder, { formatCode: false, syncPackageJson: false, kitImportStrategy: 'rootOnly' }));
const generated = join(folder, 'src/generated');
mend(generated);
settleNames(idl, generated);
const names = idl.errors.map(e => `  [${e.code}, { name: '${e.name}', message: ${JSON.stringify(e.msg)} }],`);
writeFileSync(
  join(generated, 'errorNames.ts'),
  `export const ERRORS: ReadonlyMap<number, { name: string; message: string }> = new Map([\n${names.join('\n')}\n]);\n`,
);

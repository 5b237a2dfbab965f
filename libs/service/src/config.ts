import { z } from 'zod';

/** A setting is missing or wrong; the message is one line that names each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * The reader of a service's settings: one zod schema per environment variable, each under the variable's own name.
 * An empty variable counts as absent. The reader throws ConfigError, naming every variable that is wrong.
 */
export function defineConfig<Shape extends z.ZodRawShape>(
  shape: Shape,
): (env: NodeJS.ProcessEnv) => z.output<z.ZodObject<Shape>> {
  const schema = z.object(shape);
  return (env) => {
    const given = Object.fromEntries(Object.keys(shape).map((name) => [name, env[name] || undefined]));
    const read = schema.safeParse(given);
    if (read.success) return read.data;
    const problems = read.error.issues.map((issue) => describe(issue, given));
    throw new ConfigError(`wrong settings: ${problems.join('; ')}`);
  };
}

function describe(issue: z.core.$ZodIssue, given: Record<string, string | undefined>): string {
  const name = String(issue.path[0]);
  return given[name] === undefined ? `${name} is not set` : `${issue.path.join('.')}: ${issue.message}`;
}

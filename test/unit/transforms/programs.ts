import { type JsonObject } from '../../../src/kernel/json';
import { type Engine, type OutputFormat, type Transform } from '../../../src/transforms/transform';
import { type Work } from '../../../src/transforms/work';

/** The work of one transform alone. */
export const programOf = (
  engine: Engine,
  spec: string | JsonObject,
  output_format: OutputFormat = 'json',
  output_schema: JsonObject | null = null,
): Work & { transform: Transform } => ({
  transform: { engine, spec, input_format: 'json', output_format, output_schema, filters: null },
  filters: null,
  dataTypeSchema: null,
});

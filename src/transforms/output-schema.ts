import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { type Json, type JsonObject } from '../kernel/json';
import { compileLinear } from './engines/linear-regex';
import { Recent } from './engines/recent';
import { reasonOf, TransformFailure } from './failure';

/** Patterns in linear time too: a schema is a tenant's text like any other. */
const linear = Object.assign(
  (pattern: string, flags: string) => {
    const regex = compileLinear(pattern, flags);
    return { test: (text: string) => regex.matcher(text).find() };
  },
  { code: 'linear' },
);

/** In the sandbox only, because a schema can be as expensive as a program. Each schema stands alone. */
export class OutputSchemas {
  private readonly compiled = new Recent<ValidateFunction>(50);

  check(schema: JsonObject, value: Json): void {
    const validate = this.compile(schema);
    if (validate(value)) return;
    const [first] = validate.errors ?? [];
    const where = first?.instancePath === '' ? 'the result' : first?.instancePath;
    throw new TransformFailure(
      `the result does not fit output_schema: ${where} ${first?.message ?? 'is wrong'}`,
    );
  }

  compile(schema: JsonObject): ValidateFunction {
    return this.compiled.get(JSON.stringify(schema), () => {
      const ajv = new Ajv2020({
        strict: false,
        allErrors: false,
        validateSchema: true,
        code: { regExp: linear },
      });
      addFormats(ajv, { mode: 'fast' });
      try {
        return ajv.compile(schema);
      } catch (error) {
        throw new TransformFailure(`output_schema is not a usable JSON Schema: ${reasonOf(error)}`);
      }
    });
  }
}

import { Liquid, type Template } from 'liquidjs';
import { type Json } from '../../kernel/json';
import { LIMITS } from '../transform';
import { Recent } from './recent';

/** In the sandbox only. Partials, layouts and includes find nothing: there is no file system behind it. */
export class LiquidEngine {
  private readonly liquid: Liquid;
  private readonly compiled = new Recent<Template[]>(100);

  constructor(timeoutMs: number) {
    this.liquid = new Liquid({
      templates: {},
      dynamicPartials: false,
      ownPropertyOnly: true,
      strictFilters: true,
      parseLimit: LIMITS.expressionCharacters,
      renderLimit: timeoutMs,
      // Counted in characters and elements by the library.
      memoryLimit: 8 * LIMITS.outputBytes,
    });
  }

  run(template: string, input: Json): string {
    return String(this.liquid.renderSync(this.compile(template), input as object));
  }

  compile(template: string): Template[] {
    return this.compiled.get(template, () => this.liquid.parse(template));
  }
}

import { type INestApplication, type RequestMethod } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants';
import { ModulesContainer } from '@nestjs/core';
import { SCOPE } from './endpoint';

/** Every endpoint states who may call it, or the service does not start. */
export function assertEveryEndpointHasAccess(app: INestApplication): void {
  for (const module of app.get(ModulesContainer).values()) {
    for (const { metatype } of module.controllers.values()) {
      for (const [name, handler] of handlersOf(metatype)) {
        if (Reflect.getMetadata(SCOPE, handler) === undefined) {
          throw new Error(`the endpoint ${name} says not who may call it; add @Endpoint({ access })`);
        }
      }
    }
  }
}

function handlersOf(controller: unknown): [string, object][] {
  if (typeof controller !== 'function') return [];
  const prototype = controller.prototype as Record<string, unknown>;
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = prototype[name];
    if (typeof handler !== 'function') return [];
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
    return method === undefined ? [] : [[`${controller.name}.${name}`, handler]];
  });
}

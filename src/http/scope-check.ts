import { type INestApplication, type RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants';
import { ModulesContainer } from '@nestjs/core';
import { type Access, SCOPE } from './endpoint';

interface Handler {
  name: string;
  /** As the router knows it, e.g. `/api/v1/users/:id`. */
  route: string;
  access: Access | undefined;
}

/** Every endpoint states who may call it, or the service does not start. */
export function assertEveryEndpointHasAccess(app: INestApplication): void {
  const silent = handlersOf(app).find(({ access }) => access === undefined);
  if (silent === undefined) return;
  throw new Error(`the endpoint ${silent.name} says not who may call it; add @Endpoint({ access })`);
}

/** Routes whose callers need not say who they are; the guard decides about them by itself. */
export const openRoutes = (app: INestApplication): ReadonlySet<string> =>
  new Set(
    handlersOf(app)
      .filter(({ access }) => access === 'public' || access === 'metrics')
      .map(({ route }) => route),
  );

const handlersOf = (app: INestApplication): Handler[] =>
  [...app.get(ModulesContainer).values()].flatMap((module) =>
    [...module.controllers.values()].flatMap(({ metatype }) => handlersIn(metatype)),
  );

function handlersIn(controller: unknown): Handler[] {
  if (typeof controller !== 'function') return [];
  const prototype = controller.prototype as Record<string, unknown>;
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = prototype[name];
    if (typeof handler !== 'function') return [];
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
    if (method === undefined) return [];
    const route = [controller, handler]
      .map((target) => String(Reflect.getMetadata(PATH_METADATA, target) ?? ''))
      .flatMap((path) => path.split('/').filter((part) => part !== ''))
      .join('/');
    const access = Reflect.getMetadata(SCOPE, handler) as Access | undefined;
    return [{ name: `${controller.name}.${name}`, route: `/${route}`, access }];
  });
}

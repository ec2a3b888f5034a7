/**
 * What `@peculiar/x509` asks of `Reflect` when it is loaded: metadata that says nothing, since none of it is used here.
 *
 * @module
 */

Object.assign(Reflect, { getMetadata() {}, getOwnMetadata() {}, defineMetadata() {} }, { ...Reflect });

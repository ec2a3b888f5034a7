/**
 * What `@peculiar/x509` asks of `Reflect` when it is loaded: metadata, of which nothing is used here.
 *
 * @module
 */

Object.assign(Reflect, { getMetadata() {}, getOwnMetadata() {}, defineMetadata() {} }, { ...Reflect });

declare module "smtp-server/lib/sasl.js" {
  const sasl: Record<string, unknown>;
  export default sasl;
}

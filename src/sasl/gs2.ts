/**
 * The header that SCRAM and OAUTHBEARER begin with (RFC 5801 section 4): whether the login is bound to its connection, and
 * whom it is for. The law here: `,` and `=` in a name are escaped, so that a name never makes a field.
 *
 * @module
 */

/** `n,,`, `y,a=other,`, `p=tls-exporter,,`. */
export function gs2Header(flag: string, authzid: string | undefined): string {
  return `${flag},${authzid ? `a=${saslName(authzid)}` : ""},`;
}

/** A name as it goes into a message. */
export function saslName(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

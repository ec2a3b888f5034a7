/**
 * The version of this package. The law here: it is the one of the manifests, and a test compares them.
 *
 * @module
 */

/** The version of net-smtp (Net::SMTP::VERSION). */
export const VERSION: string = "0.1.0";

/** The version of this package, as in its manifests. @module */

/** The version of net-smtp (Net::SMTP::VERSION). */
export const VERSION = "0.1.0";

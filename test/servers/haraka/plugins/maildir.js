/**
 * Haraka comes without a mailbox: this puts a message into a file for each recipient, as Haraka would send it on, and answers then.
 * Recipients without a folder do not exist.
 */

const { createWriteStream, existsSync, renameSync } = require("node:fs");
const { join } = require("node:path");

const MAIL = process.env.MAIL_FOLDER;
const folder = (address, part = "new") => join(MAIL, address.user, part);

exports.hook_rcpt = (next, _connection, [address]) => {
  if (address.host !== "example.test") return next(DENY, "nothing is relayed");
  return existsSync(folder(address)) ? next(OK) : next(DENY, "no such user");
};

/** What comes from who has logged in Haraka would send on to the domain's server: it goes to the mailboxes, too. */
exports.register = function () {
  this.register_hook("queue_outbound", "hook_queue");
};

exports.hook_queue = (next, { transaction }) => {
  let left = transaction.rcpt_to.length;
  const store = ([address, ...others], count) => {
    if (!address) return;
    const name = `${transaction.uuid}.${count}`;
    const partial = join(folder(address, "tmp"), name);
    const file = createWriteStream(partial);
    file.once("close", () => {
      renameSync(partial, join(folder(address), name));
      left -= 1;
      if (left === 0) next(OK);
      else store(others, count + 1);
    });
    transaction.message_stream.pipe(file);
  };
  store(transaction.rcpt_to, 0);
};

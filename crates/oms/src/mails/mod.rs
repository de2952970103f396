//! Mails that Consign itself writes: queued in the transaction of their cause, sent by the worker, tried again for a day.

mod store;

use consign_db::{Tx, row};
use consign_values::{Timestamp, clean};

use crate::channels::{KeyRing, SealError};
use crate::{Ctx, Error, Result, jobs};

consign_db::text_enum! {
    /// How far a mail is.
    pub enum MailState {
        /// To be sent.
        Queued = "queued",
        /// The server has it.
        Sent = "sent",
        /// It was given up.
        Failed = "failed",
    }
}

row! {
    /// A mail.
    #[derive(Clone)]
    pub struct Mail in "mail" {
        /// Its id.
        pub id: i64,
        /// To whom.
        pub recipient: String,
        /// Its subject.
        pub subject: String,
        /// Its text, sealed; empty once it is sent.
        pub body: Vec<u8>,
        /// How far it is.
        pub state: MailState,
        /// Tries.
        pub attempts: i64,
        /// Not before.
        pub next_at: Timestamp,
        /// Why it failed last.
        pub last_error: String,
        /// When it was written.
        pub created_at: Timestamp,
    }
}

/// Tries before a mail is given up: about a day.
const ATTEMPTS_MAX: i64 = 30;

fn binding(id: i64) -> String {
    format!("mail {id}")
}

impl Mail {
    /// The text.
    pub fn open(&self, keys: &KeyRing) -> Result<String, SealError> {
        keys.open_text(&binding(self.id), &self.body)
    }
}

/// Writes a mail, to be sent as soon as can be.
pub fn queue(tx: &mut Tx<'_>, ctx: &Ctx<'_>, keys: &KeyRing, to: &str, subject: &str, text: &str) -> Result<()> {
    let id = tx.next_id("row")?;
    let body =
        keys.seal_text(&binding(id), text).map_err(|error| Error::Db(consign_db::Error::Other(error.to_string())))?;
    tx.insert(&Mail {
        id,
        recipient: clean(to, 254),
        subject: clean(subject, 255),
        body,
        state: MailState::Queued,
        attempts: 0,
        next_at: ctx.now(),
        last_error: String::new(),
        created_at: ctx.now(),
    })?;
    jobs::ensure(tx, "mail", "mail", "0", ctx.now())?;
    jobs::wake(tx, ctx, "mail").map(|_| ())
}

/// Mails that are due, at most 20.
pub fn due(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<Vec<Mail>> {
    store::due(tx, ctx.now())
}

/// Whether any is due. Reads only.
pub fn any_due(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<bool> {
    Ok(!store::due(tx, ctx.now())?.is_empty())
}

/// The server has it: its text goes.
pub fn sent(tx: &mut Tx<'_>, id: i64) -> Result<()> {
    store::settle(tx, id, MailState::Sent, "")
}

/// It could not be sent; for good, or to be tried again.
pub fn failed(tx: &mut Tx<'_>, ctx: &Ctx<'_>, mail: &Mail, error: &str, for_good: bool) -> Result<()> {
    let error = clean(error, 500);
    if for_good || mail.attempts + 1 >= ATTEMPTS_MAX {
        return store::settle(tx, mail.id, MailState::Failed, &error);
    }
    let wait = jobs::back_off_seconds(mail.attempts + 1, mail.id);
    store::retry(tx, mail.id, ctx.now().plus_seconds(wait), &error)
}

/// Those that wait after a failure or were given up, newest first, at most 50.
pub fn in_trouble(tx: &mut Tx<'_>) -> Result<Vec<Mail>> {
    store::in_trouble(tx)
}

/// Forgets what is over for a month.
pub fn clean_up(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<()> {
    store::forget(tx, ctx.now().plus_seconds(-30 * 86_400))
}

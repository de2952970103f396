//! People who sign in: accounts, roles and what they may do, sessions, second factors, one-time links, throttling.
//!
//! Passwords are argon2id hashes, tokens are kept as digests. Hashing takes a tenth of a second on purpose: callers do it
//! outside the transaction.

mod access;
mod own;
mod role;
mod session;
mod store;
pub mod two_factor;

pub use access::{UserEdit, UserForm, create, edit, hash_password, issue_token, set_up, verify_password};
pub(crate) use access::{digest, random_token};
pub use own::{
    ask_for_reset, end_other_sessions, end_session_of, invite, is_session, rename, reset, reset_lives, session_key,
    set_password,
};
pub use role::{Permission, Role};
pub use session::{
    Session, SignedIn, check_throttle, clean_up, end_session, failed, redeem_sign_in, seen, session, sessions_of,
    set_up_code_fits, start_session,
};

use consign_db::{Tx, row};
use consign_values::{LocationId, Timestamp, UserId};

use crate::{Ctx, Error, Result};

row! {
    /// A user.
    #[derive(Clone)]
    pub struct User in "user_account" {
        /// Its id.
        pub id: UserId,
        /// Signs in with it; lower case.
        pub email: String,
        /// What people call them.
        pub name: String,
        /// What they may do.
        pub role: Role,
        /// argon2id.
        pub password_hash: String,
        /// May sign in.
        pub active: bool,
        /// Whose orders open first; none means all locations.
        pub location_id: Option<LocationId>,
        /// When it was made.
        pub created_at: Timestamp,
        /// When they last signed in.
        pub signed_in_at: Option<Timestamp>,
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("email", &self.email).field("role", &self.role).finish()
    }
}

/// Whether there is any user, so that set-up is over.
pub fn any(tx: &mut Tx<'_>) -> Result<bool> {
    Ok(!list(tx)?.is_empty())
}

/// All users by e-mail (at most 1,000).
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<User>> {
    store::list(tx)
}

/// One user.
pub fn get(tx: &mut Tx<'_>, id: UserId) -> Result<User> {
    store::find(tx, id)?.ok_or(Error::NotFound("user"))
}

/// The user with that e-mail address, in any case.
pub fn find_by_email(tx: &mut Tx<'_>, email: &str) -> Result<Option<User>> {
    store::find_by_email(tx, &email.trim().to_lowercase())
}

/// Remembers which location the user looked at last.
pub fn set_location(tx: &mut Tx<'_>, _: &Ctx<'_>, id: UserId, location: Option<LocationId>) -> Result<()> {
    store::set_location(tx, id, location)
}

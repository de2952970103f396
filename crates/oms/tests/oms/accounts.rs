//! Accounts: the second factor, the way back in, sessions, and the audit that tells of all of it.

use consign_db::testing::on_each_engine;
use consign_oms::audit::{self, AuditFilter};
use consign_oms::channels::KeyRing;
use consign_oms::users::two_factor;
use consign_oms::users::{self, Role, UserForm};
use consign_oms::{Actor, Ctx, Error, MIGRATIONS, Refusal, mails};
use consign_values::{FixedClock, Timestamp, UserId};
use totp_rs::{Builder, Secret};

const BEGIN: Timestamp = Timestamp(1_800_000_000_000_000);

fn keys() -> KeyRing {
    KeyRing::new([9; 32])
}

struct Office<'d> {
    db: &'d consign_db::Db,
    clock: FixedClock,
    ann: UserId,
}

impl<'d> Office<'d> {
    fn open(db: &'d consign_db::Db) -> Self {
        let clock = FixedClock::new(BEGIN);
        let form = UserForm {
            email: "Ann@Example.com".to_owned(),
            name: "Ann".to_owned(),
            role: Role::Owner,
            password_hash: "old".to_owned(),
        };
        let ann = db.write(|tx| users::create(tx, &Ctx::new(&clock, Actor::CommandLine), &form)).unwrap();
        Office { db, clock, ann }
    }

    fn does<T>(&self, work: impl Fn(&mut consign_db::Tx<'_>, &Ctx<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let ctx = Ctx::new(&self.clock, Actor::User(self.ann));
        self.db.write(|tx| work(tx, &ctx))
    }

    /// What an authenticator shows now.
    fn code(&self, secret: &str) -> String {
        let secret = Secret::try_from_base32(secret).unwrap();
        let totp = Builder::new().with_secret(secret).with_account_name("x").build().unwrap();
        let now = consign_values::Clock::now(&self.clock).0 / 1_000_000;
        totp.generate(u64::try_from(now).unwrap()).to_string()
    }

    /// Sets the second factor up; its secret and the recovery codes.
    fn enrol(&self) -> (String, Vec<String>) {
        let secret = self.does(|tx, ctx| two_factor::begin(tx, ctx, &keys(), self.ann)).unwrap().secret;
        let code = self.code(&secret);
        let codes = self.does(|tx, ctx| two_factor::confirm(tx, ctx, &keys(), self.ann, &code)).unwrap();
        (secret, codes)
    }

    fn pass(&self, code: &str) -> Option<UserId> {
        let token = self.does(|tx, ctx| two_factor::second_step(tx, ctx, self.ann)).unwrap();
        self.does(|tx, ctx| two_factor::pass(tx, ctx, &keys(), &token, code)).unwrap()
    }
}

#[test]
fn a_second_factor_counts_once_a_first_code_was_right_and_takes_no_code_twice() {
    on_each_engine(MIGRATIONS, |db| {
        let office = Office::open(db);
        let enrolment = office.does(|tx, ctx| two_factor::begin(tx, ctx, &keys(), office.ann)).unwrap();
        assert!(enrolment.url.starts_with("otpauth://totp/Consign"), "{}", enrolment.url);
        let again = office.does(|tx, ctx| two_factor::begin(tx, ctx, &keys(), office.ann)).unwrap();
        assert_eq!(again.secret, enrolment.secret, "shown again until it is confirmed");
        assert!(!db.read(|tx| two_factor::is_on(tx, office.ann)).unwrap());
        let wrong = office.does(|tx, ctx| two_factor::confirm(tx, ctx, &keys(), office.ann, "000000"));
        assert!(matches!(wrong, Err(Error::Invalid(_))));
        let (secret, _) = office.enrol();
        assert!(db.read(|tx| two_factor::is_on(tx, office.ann)).unwrap());
        assert_eq!(office.pass(&office.code(&secret)), None, "the code that switched it on is used up");
        office.clock.advance(30);
        let code = office.code(&secret);
        assert_eq!(office.pass("12345"), None);
        assert_eq!(office.pass(&code), Some(office.ann));
        assert_eq!(office.pass(&code), None, "nobody who looked over a shoulder gets in");
        office.clock.advance(60);
        let spaced = office.code(&secret);
        assert_eq!(office.pass(&format!("{} {}", &spaced[..3], &spaced[3..])), Some(office.ann));
        let begun = office.does(|tx, ctx| two_factor::begin(tx, ctx, &keys(), office.ann));
        assert!(matches!(begun, Err(Error::Refused(Refusal::TwoFactorOn))));
    });
}

#[test]
fn a_recovery_code_works_once_however_it_is_typed_and_a_second_step_ends_after_five_minutes() {
    on_each_engine(MIGRATIONS, |db| {
        let office = Office::open(db);
        let (_, codes) = office.enrol();
        assert_eq!(codes.len(), 10);
        let typed = codes[3].to_uppercase().replace('-', " ");
        assert_eq!(office.pass(&typed), Some(office.ann));
        assert_eq!(office.pass(&codes[3]), None);
        assert_eq!(db.read(|tx| two_factor::recovery_codes_left(tx, office.ann)).unwrap(), 9);
        let token = office.does(|tx, ctx| two_factor::second_step(tx, ctx, office.ann)).unwrap();
        office.clock.advance(301);
        assert_eq!(office.does(|tx, ctx| two_factor::pass(tx, ctx, &keys(), &token, &codes[4])).unwrap(), None);
        assert_eq!(office.pass(&codes[4]), Some(office.ann), "it was not used up by that");
    });
}

#[test]
fn a_role_that_must_have_a_second_factor_can_not_switch_it_off_and_is_led_to_it() {
    on_each_engine(MIGRATIONS, |db| {
        let office = Office::open(db);
        office.does(|tx, ctx| two_factor::require(tx, ctx, &[Role::Owner])).unwrap();
        let session = office.does(|tx, ctx| users::start_session(tx, ctx, office.ann, "test", "10.0.0.1")).unwrap();
        let signed = |token: &str| office.does(|tx, ctx| users::session(tx, ctx, token)).unwrap().unwrap();
        assert!(signed(&session).must_set_up);
        office.enrol();
        assert!(!signed(&session).must_set_up);
        let off = office.does(|tx, ctx| two_factor::switch_off(tx, ctx, office.ann));
        assert!(matches!(off, Err(Error::Refused(Refusal::TwoFactorRequired))));
        let ctx = Ctx::new(&office.clock, Actor::CommandLine);
        db.write(|tx| two_factor::switch_off(tx, &ctx, office.ann)).unwrap();
        assert!(signed(&session).must_set_up, "whoever has lost it sets up another");
    });
}

#[test]
fn a_mailed_link_sets_a_password_once_and_ends_all_sessions() {
    on_each_engine(MIGRATIONS, |db| {
        let office = Office::open(db);
        let session = office.does(|tx, ctx| users::start_session(tx, ctx, office.ann, "test", "10.0.0.1")).unwrap();
        let ask = |email: &str| {
            office.does(|tx, ctx| users::ask_for_reset(tx, ctx, &keys(), email, "https://c.example")).unwrap();
        };
        ask("nobody@example.com");
        assert!(office.does(mails::due).unwrap().is_empty());
        ask("ANN@example.com");
        let mail = office.does(mails::due).unwrap().remove(0);
        assert_eq!(mail.recipient, "ann@example.com");
        assert!(!String::from_utf8_lossy(&mail.body).contains("reset"), "what lies in the database opens nothing");
        let text = mail.open(&keys()).unwrap();
        let token = text.split("/reset/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        assert!(office.does(|tx, ctx| users::reset_lives(tx, ctx, &token)).unwrap());
        let reset = |hash: &str| office.does(|tx, ctx| users::reset(tx, ctx, &keys(), &token, hash)).unwrap();
        assert_eq!(reset("new"), Some(office.ann));
        assert_eq!(reset("newer"), None, "the link is used up");
        assert_eq!(db.read(|tx| users::get(tx, office.ann)).unwrap().password_hash, "new");
        assert!(office.does(|tx, ctx| users::session(tx, ctx, &session)).unwrap().is_none());
        let subjects: Vec<String> = office.does(mails::due).unwrap().into_iter().map(|mail| mail.subject).collect();
        assert_eq!(subjects, ["A new password for Consign", "Your password was changed"]);
        ask("ann@example.com");
        office.clock.advance(3_601);
        let last = office.does(mails::due).unwrap().pop().unwrap().open(&keys()).unwrap();
        let late = last.split("/reset/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        assert_eq!(office.does(|tx, ctx| users::reset(tx, ctx, &keys(), &late, "x")).unwrap(), None);
    });
}

#[test]
fn a_mail_that_can_not_be_sent_is_tried_again_and_given_up_in_the_end() {
    on_each_engine(MIGRATIONS, |db| {
        let office = Office::open(db);
        let queue =
            || office.does(|tx, ctx| mails::queue(tx, ctx, &keys(), "a@example.com", "Subject", "Text")).unwrap();
        queue();
        let due = || office.does(mails::due).unwrap();
        let mail = due().remove(0);
        office.does(|tx, ctx| mails::failed(tx, ctx, &mail, "no route", false)).unwrap();
        assert!(due().is_empty(), "not at once");
        assert_eq!(db.read(mails::in_trouble).unwrap()[0].last_error, "no route");
        office.clock.advance(60);
        let mail = due().remove(0);
        assert_eq!(mail.attempts, 1);
        office.does(|tx, _| mails::sent(tx, mail.id)).unwrap();
        office.clock.advance(86_400);
        assert!(due().is_empty() && db.read(mails::in_trouble).unwrap().is_empty());
        queue();
        let mail = due().remove(0);
        office.does(|tx, ctx| mails::failed(tx, ctx, &mail, "no such user", true)).unwrap();
        assert_eq!(db.read(mails::in_trouble).unwrap()[0].state, mails::MailState::Failed);
    });
}

#[test]
fn sessions_are_listed_ended_one_by_one_and_live_on_while_they_are_used() {
    on_each_engine(MIGRATIONS, |db| {
        let office = Office::open(db);
        let begin =
            |agent: &str| office.does(|tx, ctx| users::start_session(tx, ctx, office.ann, agent, "10.0.0.1")).unwrap();
        let lives = |token: &str| office.does(|tx, ctx| users::session(tx, ctx, token)).unwrap();
        let (desk, phone, old) = (begin("desk"), begin("phone"), begin("old"));
        let sessions = db.read(|tx| users::sessions_of(tx, office.ann)).unwrap();
        let phones = sessions.iter().find(|session| session.agent == "phone").unwrap();
        let key = users::session_key(phones);
        office.does(|tx, ctx| users::end_session_of(tx, ctx, office.ann, &key)).unwrap();
        assert!(lives(&phone).is_none() && lives(&desk).is_some());
        office.does(|tx, ctx| users::end_other_sessions(tx, ctx, office.ann, Some(&desk))).unwrap();
        assert!(lives(&old).is_none() && lives(&desk).is_some());
        office.clock.advance(13 * 86_400);
        assert!(lives(&desk).unwrap().is_stale);
        office.does(|tx, ctx| users::seen(tx, ctx, &desk)).unwrap();
        office.clock.advance(13 * 86_400);
        assert!(lives(&desk).is_some(), "it is used");
        office.clock.advance(2 * 86_400);
        assert!(lives(&desk).is_none(), "it was left alone");
        let other = begin("other");
        office.does(|tx, ctx| users::set_password(tx, ctx, office.ann, "new", None)).unwrap();
        assert!(lives(&other).is_none());
    });
}

#[test]
fn the_audit_finds_what_was_done_by_whom_to_what_and_when() {
    on_each_engine(MIGRATIONS, |db| {
        let office = Office::open(db);
        office.does(|tx, ctx| users::rename(tx, ctx, office.ann, "Ann Lee", "ann@example.com")).unwrap();
        office.clock.advance(86_400);
        office.does(|tx, ctx| users::failed(tx, ctx, "ann@example.com", "10.0.0.9")).unwrap();
        let found = |filter: AuditFilter| -> Vec<String> {
            let entries = db.read(|tx| audit::list(tx, &filter)).unwrap();
            entries.into_iter().map(|entry| format!("{} {}", entry.kind, entry.detail)).collect()
        };
        let all = found(AuditFilter::default());
        assert_eq!(all, ["sign-in failed from 10.0.0.9", "renamed Ann → Ann Lee", "created ann@example.com as owner"]);
        let by = |actor: &str| found(AuditFilter { actor: actor.to_owned(), ..AuditFilter::default() }).len();
        assert_eq!((by("command line"), by(&format!("user {}", office.ann)), by("user 99")), (1, 2, 0));
        let kind = AuditFilter { noun: "user".to_owned(), kind: "renamed".to_owned(), ..AuditFilter::default() };
        assert_eq!(found(kind).len(), 1);
        let later = AuditFilter { from: Some(BEGIN.plus_seconds(3_600)), ..AuditFilter::default() };
        assert_eq!(found(later), ["sign-in failed from 10.0.0.9"]);
        let earlier = AuditFilter { until: Some(BEGIN.plus_seconds(3_600)), ..AuditFilter::default() };
        assert_eq!(found(earlier).len(), 2);
        let first = db.read(|tx| audit::list(tx, &AuditFilter::default())).unwrap()[0].id;
        assert_eq!(found(AuditFilter { before: Some(first), ..AuditFilter::default() }).len(), 2);
    });
}

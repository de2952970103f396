//! Sends the mails that are due, one by one, through the configured server.

use std::time::Duration;

use consign_oms::jobs::Ended;
use consign_oms::mails::{self, Mail};
use consign_oms::{Actor, Error};
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::Site;
use crate::config::{MailSecurity, MailServer};

/// The longest that the server may take over one mail.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sends mails through one server. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why a mail was not sent, and whether trying again can help.
pub struct Unsent {
    error: String,
    for_good: bool,
}

impl Mailer {
    /// With these settings; the error names the key that is wrong.
    pub fn new(server: &MailServer) -> Result<Self, String> {
        let from = server.from.parse().map_err(|error| format!("mail.from is no mail address: {error}"))?;
        let relay = match server.security {
            MailSecurity::Starttls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&server.server),
            MailSecurity::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(&server.server),
            MailSecurity::None => Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.server)),
        };
        let mut builder = relay.map_err(|error| format!("mail.server can't be used: {error}"))?.timeout(Some(TIMEOUT));
        if let Some(port) = server.port {
            builder = builder.port(port);
        }
        if let Some(user) = &server.user {
            let password = server.password.clone().unwrap_or_default();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Mailer { transport: builder.build(), from })
    }

    /// Whether the server answers and lets us in.
    pub async fn test(&self) -> Result<(), String> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the mail server does not answer as it should".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn send(&self, to: &str, subject: &str, text: String) -> Result<(), Unsent> {
        let for_good = |error: &dyn std::fmt::Display| Unsent { error: error.to_string(), for_good: true };
        let to: Mailbox = to.parse().map_err(|error| for_good(&error))?;
        let message = Message::builder().from(self.from.clone()).to(to).subject(subject).body(text);
        let message = message.map_err(|error| for_good(&error))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Unsent { for_good: error.is_permanent(), error: error.to_string() }),
        }
    }
}

/// One run: up to 20 mails.
pub async fn run(site: &Site) -> Result<Ended, Error> {
    for mail in site.read(mails::due).await? {
        let (id, sent) = (mail.id, deliver(site, &mail).await);
        site.write(Actor::System, move |tx, ctx| match &sent {
            Ok(()) => mails::sent(tx, id),
            Err(unsent) => mails::failed(tx, ctx, &mail, &unsent.error, unsent.for_good),
        })
        .await?;
    }
    Ok(Ended::RunAgainAt(site.clock.now()))
}

async fn deliver(site: &Site, mail: &Mail) -> Result<(), Unsent> {
    let Some(mailer) = &site.mailer else {
        return Err(Unsent { error: "no mail server is configured".to_owned(), for_good: false });
    };
    let text = mail.open(&site.keys).map_err(|error| Unsent { error: error.to_string(), for_good: true })?;
    mailer.send(&mail.recipient, &mail.subject, text).await
}

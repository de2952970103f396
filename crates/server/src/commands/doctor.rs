//! `consign doctor`: what is well, what is not, and what to do.

use consign_oms::channels;
use consign_values::{Clock as _, SystemClock, Timestamp};

use super::{Done, channel, serve};
use crate::config::Config;
use crate::site;

/// A clock before this moment is wrong.
const EARLIEST: Timestamp = Timestamp(1_767_225_600_000_000);

pub fn run(config: &Config) -> Done {
    let mut ill = 0;
    let mut say = |what: &str, found: Result<String, String>| match found {
        Ok(fine) => println!("ok    {what}: {fine}"),
        Err(wrong) => {
            ill += 1;
            println!("ILL   {what}: {wrong}");
        }
    };
    say("configuration", Ok(format!("database {}, listening on {}", config.database_shown(), config.listen)));
    let now = SystemClock.now();
    say(
        "clock",
        if now > EARLIEST { Ok(now.to_string()) } else { Err(format!("{now} can't be right; set the clock")) },
    );
    say("disk", disk(config));
    match site::open(config) {
        Err(error) => say("database", Err(error)),
        Ok(site) => {
            let checked = site.db.check().map_err(|error| error.to_string());
            say("database", checked.map(|()| format!("{} answers, schema up to date", site.db.engine_name())));
            if let Some(mailer) = site.mailer.clone() {
                let answered = serve::runtime()?.block_on(async move { mailer.test().await });
                say("mail", answered.map(|()| "the server answers".to_owned()));
            }
            for one in site.db.read(channels::list).map_err(|error| error.to_string())? {
                let name = format!("channel {} \"{}\"", one.id, one.name);
                let found = match (one.enabled, one.paused_because.as_str()) {
                    (false, _) => Ok("switched off".to_owned()),
                    (true, "") => channel::ask(&site, &one),
                    (true, why) => Err(format!("paused: {why}. Open Channels, mend it, press Resume")),
                };
                say(&name, found);
            }
        }
    }
    if ill == 0 { Ok(()) } else { Err(format!("{ill} things need attention")) }
}

/// Whether the data folder can be written to.
fn disk(config: &Config) -> Result<String, String> {
    std::fs::create_dir_all(&config.data).map_err(|error| format!("{}: {error}", config.data.display()))?;
    let probe = config.data.join(".doctor");
    std::fs::write(&probe, [0_u8; 65_536])
        .map_err(|error| format!("{} can't be written: {error}", config.data.display()))?;
    let _ = std::fs::remove_file(&probe);
    Ok(format!("{} can be written", config.data.display()))
}

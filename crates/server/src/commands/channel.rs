//! `consign channel`: a look at the channels, a test, a sync, from the command line.

use clap::Subcommand;
use consign_oms::{Actor, Ctx, channels, jobs};
use consign_values::ChannelId;

use super::Done;
use crate::config::Config;
use crate::site;
use crate::work::Site;

/// What to do.
#[derive(Subcommand)]
pub enum ChannelCommand {
    /// List all channels and how they go
    List,
    /// Ask a channel whether its credentials work
    Test {
        /// The channel's number
        channel: i64,
    },
    /// Have a running server download the channel's orders now
    Sync {
        /// The channel's number
        channel: i64,
    },
}

impl ChannelCommand {
    pub fn run(self, config: &Config) -> Done {
        let site = site::open(config)?;
        match self {
            ChannelCommand::List => list(&site),
            ChannelCommand::Test { channel } => test(&site, ChannelId(channel)),
            ChannelCommand::Sync { channel } => {
                let ctx = Ctx::new(&*site.clock, Actor::CommandLine);
                let woken = site.db.write(|tx| {
                    channels::get(tx, ChannelId(channel))?;
                    jobs::wake(tx, &ctx, &format!("download {channel}"))
                });
                match woken.map_err(|error| error.to_string())? {
                    true => println!("asked for; a running server downloads it within a second"),
                    false => return Err("the channel has never been enabled".to_owned()),
                }
                Ok(())
            }
        }
    }
}

fn list(site: &Site) -> Done {
    let rows = site.db.read(|tx| {
        let mut rows = Vec::new();
        for channel in channels::list(tx)? {
            let health = channels::health(tx, channel.id)?;
            rows.push((channels::rejected_count(tx, channel.id)?, channel, health));
        }
        Ok::<_, consign_oms::Error>(rows)
    });
    for (rejected, channel, health) in rows.map_err(|error| error.to_string())? {
        let state = match (channel.enabled, channel.paused_because.as_str()) {
            (false, _) => "off".to_owned(),
            (true, "") => health.downloaded_at.map_or("never downloaded".to_owned(), |at| format!("read to {at}")),
            (true, why) => format!("paused: {why}"),
        };
        println!("{:<4} {:<10} {:<24} {state}; {rejected} rejected", channel.id, channel.kind, channel.name);
    }
    Ok(())
}

/// Asks one channel whether it can be reached. The sentence is the channel's.
pub fn ask(site: &Site, channel: &channels::Channel) -> Result<String, String> {
    let kind = site.kind(&channel.kind).ok_or_else(|| format!("no channel kind \"{}\"", channel.kind))?;
    let connection = site.keys.open(channel.id, &channel.connection).map_err(|error| error.to_string())?;
    let remote = kind.connect(&connection).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(remote.test()).map_err(|error| error.to_string())
}

fn test(site: &Site, id: ChannelId) -> Done {
    let channel = site.db.read(|tx| channels::get(tx, id)).map_err(|error| error.to_string())?;
    println!("{}", ask(site, &channel)?);
    Ok(())
}

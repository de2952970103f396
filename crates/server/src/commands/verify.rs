//! `consign verify`: each rule of the books, and where it is broken.

use consign_oms::verify::verify;

use super::Done;
use crate::config::Config;
use crate::site;

pub fn run(config: &Config) -> Done {
    let site = site::open(config)?;
    let checks = site.db.read(verify).map_err(|error| error.to_string())?;
    let mut broken = 0;
    for check in &checks {
        println!("{} {}", if check.differences.is_empty() { "ok  " } else { "BAD " }, check.rule);
        for difference in &check.differences {
            broken += 1;
            println!("      {}: {}, must be {}", difference.subject, difference.found, difference.expected);
        }
    }
    if broken == 0 { Ok(()) } else { Err(format!("{broken} differences found")) }
}

//! `consign backup` and `consign restore`.

use std::path::PathBuf;

use consign_db::Db;

use super::Done;
use crate::config::Config;
use crate::site;

/// Where to.
#[derive(clap::Args)]
pub struct Backup {
    /// The file to make; it must not exist
    file: PathBuf,
}

/// Where from.
#[derive(clap::Args)]
pub struct Restore {
    /// A file that `consign backup` made
    file: PathBuf,
}

impl Backup {
    pub fn run(self, config: &Config) -> Done {
        if self.file.exists() {
            return Err(format!("{} exists already; backups never overwrite", self.file.display()));
        }
        let site = site::open(config)?;
        site.db.backup_to(&self.file).map_err(|error| error.to_string())?;
        println!(
            "backed up to {}; keep the key file {} apart from it",
            self.file.display(),
            config.data.join("key").display()
        );
        Ok(())
    }
}

impl Restore {
    pub fn run(self, config: &Config) -> Done {
        if config.database.is_some() {
            return Err("a PostgreSQL database is restored with pg_restore or psql".to_owned());
        }
        let copy = Db::open(&format!("sqlite:{}", self.file.display())).map_err(|error| error.to_string())?;
        let known =
            copy.migrated().map_err(|error| format!("{} is no backup of Consign: {error}", self.file.display()))?;
        std::fs::create_dir_all(&config.data).map_err(|error| error.to_string())?;
        let target = config.data.join("consign.db");
        if target.exists() {
            let aside = config.data.join(format!("consign.db.before-restore-{}", std::process::id()));
            std::fs::rename(&target, &aside).map_err(|error| error.to_string())?;
            for ending in ["-wal", "-shm"] {
                let _ = std::fs::rename(with_ending(&target, ending), with_ending(&aside, ending));
            }
            println!("the database that was there is now {}", aside.display());
        }
        copy.backup_to(&target).map_err(|error| error.to_string())?;
        println!("restored ({} migrations); now run: consign verify", known.len());
        Ok(())
    }
}

fn with_ending(path: &std::path::Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

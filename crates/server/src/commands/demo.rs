//! `consign demo`: a throw-away company with stock, and a shop that sells to it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use consign_demo_shop::{Faults, Product, Shop, ShopOptions, catalogue};
use consign_oms::channels::{self, ChannelSettings, TagMap};
use consign_oms::items::{self, ItemForm};
use consign_oms::locations::{self, LocationForm};
use consign_oms::users::{self, Role, UserForm};
use consign_oms::{Actor, Ctx, Error, stock};
use consign_ports::{ChannelKind, Connection};
use consign_values::{ChannelId, LocationId, UserId};
use serde_json::json;

use super::serve;
use super::{Done, serve::stopped};
use crate::config::Config;
use crate::site;
use crate::work::Site;

/// What the demo may be told.
#[derive(Args)]
pub struct Demo {
    /// Address and port of Consign's pages; by default a free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Address and port of the demo shop; by default a free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    shop: SocketAddr,
    /// Seconds between two orders that the shop takes by itself; 0 for none
    #[arg(long, default_value_t = 4)]
    every: u64,
}

impl Demo {
    pub fn run(self, config: Config) -> Done {
        let folder = std::env::temp_dir().join(format!("consign-demo-{}", uuid::Uuid::now_v7().simple()));
        let config = Config {
            data: folder.clone(),
            database: None,
            listen: self.listen,
            public_url: None,
            tls: None,
            allow_networks: vec!["127.0.0.0/8".parse().map_err(|e: ipnet::AddrParseError| e.to_string())?],
            log: if config.log == "info" { "warn".to_owned() } else { config.log },
            ..config
        };
        serve::log(&config);
        let done = self.play(&config);
        let _ = std::fs::remove_dir_all(&folder);
        done
    }

    fn play(&self, config: &Config) -> Done {
        let site = site::open(config)?;
        serve::runtime()?.block_on(async {
            let shop = Shop::start(ShopOptions {
                listen: self.shop,
                seed: 1,
                faults: Faults::default(),
                sells_every: (self.every > 0).then(|| Duration::from_secs(self.every)),
                catalogue: catalogue(200),
            })
            .await
            .map_err(|error| format!("the demo shop can't listen on {}: {error}", self.shop))?;
            let link = furnish(&site, &shop).await?;
            if self.every > 0 {
                // So that the first page is not empty.
                shop.sell(5);
            }
            let server = serve::start(config, site, true).await?;
            println!("\n  Consign    {}/sign-in/{link}   (this link signs you in once)", server.url);
            println!("  Demo shop  {}/   (buy something and watch it arrive)", shop.url());
            println!("\n  Everything is in {} and gone when you stop it (Ctrl-C).\n", shown(&config.data));
            stopped().await;
            server.stop().await;
            Ok(())
        })
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Makes the company: locations, items with stock, the owner, the shop as a channel. Gives the token of a sign-in link.
async fn furnish(site: &Site, shop: &Shop) -> Result<String, String> {
    let kind = site.kind("app").ok_or("this build has no channel apps")?;
    let connection = connect(kind.as_ref(), shop).await?;
    let products = shop.books().products.into_values().collect::<Vec<Product>>();
    let password_hash = users::hash_password(&uuid::Uuid::new_v4().to_string()).map_err(|error| error.to_string())?;
    let ctx = Ctx::new(&*site.clock, Actor::System);
    site.db
        .write(|tx| {
            let form = UserForm {
                email: "owner@demo.example".to_owned(),
                name: "Demo owner".to_owned(),
                role: Role::Owner,
                password_hash: password_hash.clone(),
            };
            let owner: UserId = users::create(tx, &ctx, &form)?;
            let mut places = Vec::new();
            for name in ["Main warehouse", "Belfast", "Shop floor"] {
                places.push(locations::create(
                    tx,
                    &ctx,
                    &LocationForm { name: name.to_owned(), ..Default::default() },
                )?);
            }
            for (i, product) in products.iter().enumerate() {
                stock_item(tx, &ctx, i, product, &places)?;
            }
            let id = channels::add(tx, &ctx, "app", &kind.source(&connection), "Demo shop", kind.default_statuses())?;
            open_channel(tx, &ctx, site, id, kind.as_ref(), &connection)?;
            users::issue_token(tx, Some(owner), ctx.now().plus_seconds(3_600))
        })
        .map_err(|error: Error| error.to_string())
}

fn stock_item(
    tx: &mut consign_db::Tx<'_>,
    ctx: &Ctx<'_>,
    i: usize,
    product: &Product,
    places: &[LocationId],
) -> Result<(), Error> {
    let item = items::create(
        tx,
        ctx,
        &ItemForm {
            sku: product.sku.clone(),
            title: product.title.clone(),
            barcodes: vec![format!("50{:011}", 10_000 + i)],
            weight_g: product.weight_g,
            price: product.price_minor * 100,
            currency: "GBP".to_owned(),
            tax_rate: 200_000,
            ..ItemForm::default()
        },
    )?;
    for (place, units) in places.iter().zip([24 + (i as i64 * 7) % 17, 8 + i as i64 % 5, i as i64 % 4]) {
        if units > 0 {
            stock::set_level(tx, ctx, item, *place, units, "opening stock")?;
        }
    }
    Ok(())
}

/// Integrates the shop as a person would in the wizard.
async fn connect(kind: &dyn ChannelKind, shop: &Shop) -> Result<Connection, String> {
    let mut connection = Connection::default();
    let mut step = kind.first_step();
    let manifest = format!("{}/manifest.json", shop.url());
    for _ in 0..6 {
        let mut answers: std::collections::BTreeMap<String, String> =
            step.fields.iter().map(|field| (field.id.clone(), field.value.clone())).collect();
        for (id, answer) in &mut answers {
            let id = id.to_lowercase();
            if id.contains("manifest") {
                answer.clone_from(&manifest);
            } else if id.contains("email") || id.contains("mail") {
                *answer = "owner@demo.example".to_owned();
            } else if id.contains("account") {
                *answer = "Demo shop".to_owned();
            } else if id.contains("apikey") {
                *answer = "demo".to_owned();
            }
        }
        step = kind.set_up(&mut connection, &step.name, &answers).await.map_err(|error| error.to_string())?;
        if step.done {
            return Ok(connection);
        }
    }
    Err(format!("the demo shop's set-up does not end: {}", json!(step)))
}

fn open_channel(
    tx: &mut consign_db::Tx<'_>,
    ctx: &Ctx<'_>,
    site: &Site,
    id: ChannelId,
    kind: &dyn ChannelKind,
    connection: &Connection,
) -> Result<(), Error> {
    let sealed = site.keys.seal(id, connection).map_err(|error| consign_db::Error::Other(error.to_string()))?;
    channels::set_connection(tx, ctx, id, &kind.source(connection), &sealed, true)?;
    let channel = channels::get(tx, id)?;
    let settings = ChannelSettings {
        download_unpaid: true,
        push_stock: true,
        push_prices: true,
        interval_seconds: 2,
        ..ChannelSettings::from(&channel)
    };
    channels::edit(tx, ctx, id, channel.version, &settings)?;
    let tag = |tag: &str, label: &str, service: &str| TagMap {
        channel_id: id,
        kind: "shipping".to_owned(),
        site: String::new(),
        tag: tag.to_owned(),
        label: label.to_owned(),
        carrier: "Royal Mail".to_owned(),
        service: service.to_owned(),
    };
    channels::set_tags(
        tx,
        ctx,
        id,
        &[tag("standard", "Standard delivery", "Tracked 48"), tag("express", "Next day", "Special Delivery")],
    )?;
    channels::enable(tx, ctx, id, kind.capabilities(), true)
}

//! What a small shop for home and garden sells, and who buys it. Made up, the same each time.

use crate::{Books, NewOrder, Random};

/// Something for sale.
#[derive(Clone, Debug)]
pub struct Product {
    /// SKU.
    pub sku: String,
    /// Title.
    pub title: String,
    /// Price in hundredths.
    pub price_minor: i64,
    /// Grams.
    pub weight_g: i64,
    /// Units the shop believes there are.
    pub quantity: i64,
}

const THINGS: &[(&str, &str, i64, i64)] = &[
    ("MUG", "Stoneware mug", 1_150, 380),
    ("BOWL", "Serving bowl", 2_400, 900),
    ("THROW", "Lambswool throw", 6_800, 1_100),
    ("CUSH", "Linen cushion", 3_200, 450),
    ("LAMP", "Desk lamp", 4_900, 1_600),
    ("KETTLE", "Enamel kettle", 3_900, 1_200),
    ("BOARD", "Oak chopping board", 2_800, 1_300),
    ("CANDLE", "Beeswax candle", 950, 250),
    ("PLANTER", "Terracotta planter", 1_800, 2_100),
    ("TROWEL", "Ash-handled trowel", 1_650, 420),
    ("LANTERN", "Storm lantern", 3_400, 1_450),
    ("BASKET", "Willow basket", 2_950, 800),
    ("APRON", "Canvas apron", 2_700, 500),
    ("CLOCK", "Wall clock", 4_200, 950),
    ("TOWEL", "Waffle bath towel", 2_200, 600),
    ("JUG", "Glass water jug", 1_950, 850),
    ("FLASK", "Steel flask", 2_650, 480),
    ("RUG", "Cotton runner rug", 5_400, 1_900),
    ("HOOK", "Brass coat hook", 850, 180),
    ("TRAY", "Walnut tray", 3_600, 1_050),
];

const COLOURS: &[(&str, &str)] = &[
    ("SLT", "slate"),
    ("MOS", "moss"),
    ("OAT", "oat"),
    ("INK", "ink"),
    ("RST", "rust"),
    ("SKY", "sky"),
    ("CHK", "chalk"),
    ("PLM", "plum"),
    ("SUN", "mustard"),
    ("BLK", "black"),
];

const BUYERS: &[(&str, &str, &str, &str)] = &[
    ("Ailsa Murray", "Edinburgh", "EH6 7LX", "GB"),
    ("Tom Whitfield", "Sheffield", "S11 8QP", "GB"),
    ("Niamh Byrne", "Galway", "H91 X8R2", "IE"),
    ("Lena Vogt", "Leipzig", "04109", "DE"),
    ("Marc Delacroix", "Lyon", "69002", "FR"),
    ("Sofie Jansen", "Gent", "9000", "BE"),
    ("Priya Nair", "Leicester", "LE2 3AB", "GB"),
    ("Owen Pritchard", "Aberystwyth", "SY23 2JS", "GB"),
    ("Ingrid Dahl", "Bergen", "5003", "NO"),
    ("Carlos Ibáñez", "Bilbao", "48008", "ES"),
    ("Hannah Okafor", "Bristol", "BS6 5QA", "GB"),
    ("Jakub Nowak", "Kraków", "31-042", "PL"),
    ("Elif Şahin", "Rotterdam", "3011 AA", "NL"),
    ("Conor O'Neill", "Belfast", "BT9 6AF", "GB"),
    ("Matilda Ekström", "Malmö", "211 20", "SE"),
];

/// The first `count` things (at most 200), 40 of each in stock.
pub fn catalogue(count: usize) -> Vec<Product> {
    let of = |i: usize| {
        let (code, thing, price_minor, weight_g) = THINGS[i % THINGS.len()];
        let (short, colour) = COLOURS[(i / THINGS.len()) % COLOURS.len()];
        let (sku, title) = (format!("{code}-{short}"), format!("{thing}, {colour}"));
        Product { sku, title, price_minor, weight_g, quantity: 40 }
    };
    (0..count.min(THINGS.len() * COLOURS.len())).map(of).collect()
}

pub(crate) fn some_order(books: &Books, random: &mut Random) -> NewOrder {
    let (buyer, town, postcode, country) = BUYERS[random.below(BUYERS.len())];
    let skus: Vec<&String> = books.products.iter().filter(|(_, p)| p.quantity > 0).map(|(sku, _)| sku).collect();
    let mut lines: Vec<(String, i64)> = Vec::new();
    for _ in 0..1 + random.below(3) {
        if let Some(sku) = skus.get(random.below(skus.len()))
            && lines.iter().all(|(known, _)| known != *sku)
        {
            lines.push(((*sku).clone(), 1 + random.below(2) as i64));
        }
    }
    NewOrder {
        buyer: buyer.to_owned(),
        town: town.to_owned(),
        postcode: postcode.to_owned(),
        country: country.to_owned(),
        lines,
        paid: random.chance(0.85),
    }
}

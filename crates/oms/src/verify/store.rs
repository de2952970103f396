//! The SQL of the checks. Each finds what breaks its rule.

use consign_db::{Tx, sql};

use super::{Checked, Difference};
use crate::Result;

macro_rules! checks {
    ($tx:ident: $($rule:literal => $text:literal;)*) => {
        vec![$(Checked { rule: $rule, differences: $tx.all(sql!(Difference, $text), &[])? }),*]
    };
}

pub fn run(tx: &mut Tx<'_>) -> Result<Vec<Checked>> {
    Ok(checks! { tx:
        "the stock ledger adds up to the levels" =>
        "SELECT 'item ' || l.item_id || ' at location ' || l.location_id AS subject,
           l.on_hand || '/' || l.allocated || '/' || l.demand AS found,
           COALESCE(SUM(g.on_hand_change), 0) || '/' || COALESCE(SUM(g.allocated_change), 0) || '/'
             || COALESCE(SUM(g.demand_change), 0) AS expected
         FROM stock_level l LEFT JOIN stock_ledger g ON g.item_id = l.item_id AND g.location_id = l.location_id
         GROUP BY l.item_id, l.location_id, l.on_hand, l.allocated, l.demand
         HAVING l.on_hand <> COALESCE(SUM(g.on_hand_change), 0) OR l.allocated <> COALESCE(SUM(g.allocated_change), 0)
           OR l.demand <> COALESCE(SUM(g.demand_change), 0)
         LIMIT 100";
        "allocated and demand are the sums of the claims" =>
        "SELECT 'item ' || l.item_id || ' at location ' || l.location_id AS subject,
           l.allocated || '/' || l.demand AS found,
           COALESCE(SUM(c.allocated), 0) || '/' || COALESCE(SUM(c.quantity), 0) AS expected
         FROM stock_level l LEFT JOIN claim c ON c.item_id = l.item_id AND c.location_id = l.location_id
         GROUP BY l.item_id, l.location_id, l.allocated, l.demand
         HAVING l.allocated <> COALESCE(SUM(c.allocated), 0) OR l.demand <> COALESCE(SUM(c.quantity), 0)
         LIMIT 100";
        "nothing is allocated that is not there" =>
        "SELECT 'item ' || item_id || ' at location ' || location_id AS subject, 'allocated ' || allocated AS found,
           'at most ' || on_hand AS expected
         FROM stock_level WHERE allocated > 0 AND allocated > on_hand LIMIT 100";
        "no unit lies free while an order waits for it" =>
        "SELECT 'item ' || item_id || ' at location ' || location_id AS subject, (on_hand - allocated) || ' free' AS found,
           'none, while ' || (demand - allocated) || ' are short' AS expected
         FROM stock_level WHERE on_hand > allocated AND demand > allocated LIMIT 100";
        "each linked line of an open, unlocked order claims what is left to ship" =>
        "SELECT 'line ' || l.id || ' of order ' || o.id AS subject,
           CASE WHEN c.line_id IS NULL THEN 'no claim' ELSE 'claim of ' || c.quantity || ' of item ' || c.item_id END AS found,
           (l.quantity - l.shipped_before) || ' of item ' || l.item_id AS expected
         FROM orders o JOIN order_line l ON l.order_id = o.id
           JOIN stock_level s ON s.item_id = l.item_id AND s.location_id = o.location_id AND s.tracked
           LEFT JOIN claim c ON c.line_id = l.id
         WHERE o.state = 'open' AND NOT o.locked AND NOT l.is_service AND NOT l.composite AND l.quantity > l.shipped_before
           AND (c.line_id IS NULL OR c.quantity <> l.quantity - l.shipped_before OR c.item_id <> l.item_id
             OR c.location_id <> o.location_id)
         LIMIT 100";
        "nothing else claims stock" =>
        "SELECT 'order ' || o.id AS subject, 'claim of line ' || c.line_id AS found, 'none' AS expected
         FROM claim c JOIN orders o ON o.id = c.order_id JOIN order_line l ON l.id = c.line_id
           JOIN stock_level s ON s.item_id = c.item_id AND s.location_id = c.location_id
         WHERE o.state <> 'open' OR o.locked OR l.item_id IS NULL OR l.is_service OR l.composite OR NOT s.tracked LIMIT 100";
        "the stock state of an open order follows from its claims" =>
        "SELECT 'order ' || t.id AS subject, t.stock_state AS found,
           CASE WHEN NOT t.live THEN 'none' WHEN t.unlinked > 0 THEN 'unknown' WHEN t.wanted = 0 THEN 'none'
             WHEN t.allocated >= t.wanted THEN 'full' WHEN t.allocated = 0 THEN 'short' ELSE 'part' END AS expected
         FROM (SELECT o.id, o.stock_state, (o.state = 'open' AND NOT o.locked) AS live,
             (SELECT COUNT(*) FROM order_line l WHERE l.order_id = o.id AND l.item_id IS NULL AND NOT l.is_service
               AND l.quantity > l.shipped_before) AS unlinked,
             COALESCE((SELECT SUM(c.quantity) FROM claim c WHERE c.order_id = o.id), 0) AS wanted,
             COALESCE((SELECT SUM(c.allocated) FROM claim c WHERE c.order_id = o.id), 0) AS allocated
           FROM orders o) t
         WHERE t.stock_state <> CASE WHEN NOT t.live THEN 'none' WHEN t.unlinked > 0 THEN 'unknown' WHEN t.wanted = 0 THEN 'none'
             WHEN t.allocated >= t.wanted THEN 'full' WHEN t.allocated = 0 THEN 'short' ELSE 'part' END
         LIMIT 100";
        "an order is parked or locked just when a hold says so" =>
        "SELECT 'order ' || o.id AS subject, 'parked ' || CASE WHEN o.parked THEN 1 ELSE 0 END || ', locked '
             || CASE WHEN o.locked THEN 1 ELSE 0 END AS found, 'as its holds' AS expected
         FROM orders o
         WHERE o.parked <> EXISTS (SELECT 1 FROM order_hold h WHERE h.order_id = o.id AND h.kind = 'parked')
           OR o.locked <> EXISTS (SELECT 1 FROM order_hold h WHERE h.order_id = o.id AND h.kind = 'locked')
         LIMIT 100";
        "a fulfilment centre has an order just when a hold says so, and only where the order's location is one" =>
        "SELECT 'order ' || o.id AS subject, 'centre ' || o.centre AS found,
           CASE WHEN l.fulfilment_centre THEN 'held or released' ELSE 'none' END AS expected
         FROM orders o JOIN location l ON l.id = o.location_id
         WHERE o.state = 'open' AND ((o.centre <> 'none') <> l.fulfilment_centre
           OR (o.centre = 'held') <> EXISTS (SELECT 1 FROM order_hold h
             WHERE h.order_id = o.id AND h.kind = 'parked' AND h.reason = 'centre')
           OR (o.centre = 'held' AND NOT l.count_until_acknowledged AND NOT o.locked)
           OR (o.centre = 'held' AND l.deduct_when_processed AND EXISTS (SELECT 1 FROM order_hold h
             WHERE h.order_id = o.id AND h.kind = 'locked' AND h.reason = 'centre')))
         LIMIT 100";
        "the counts of an order are those of its lines and notes" =>
        "SELECT 'order ' || o.id AS subject, o.line_count || '/' || o.unit_count || '/' || o.note_count AS found,
           t.line_count || '/' || t.unit_count || '/' || t.note_count AS expected
         FROM orders o JOIN (SELECT p.id,
             (SELECT COUNT(*) FROM order_line l WHERE l.order_id = p.id AND l.parent_line_id IS NULL) AS line_count,
             COALESCE((SELECT SUM(l.quantity) FROM order_line l WHERE l.order_id = p.id AND l.parent_line_id IS NULL), 0)
               AS unit_count,
             (SELECT COUNT(*) FROM order_note n WHERE n.order_id = p.id) AS note_count
           FROM orders p) t ON t.id = o.id
         WHERE o.line_count <> t.line_count OR o.unit_count <> t.unit_count OR o.note_count <> t.note_count LIMIT 100";
        "a processed order left the building once: its ledger takes off just what it ships" =>
        "SELECT 'order ' || o.id AS subject, CAST(COALESCE(SUM(g.on_hand_change), 0) AS TEXT) AS found,
           'at least -' || t.units || ', one entry for each line at most' AS expected
         FROM orders o JOIN stock_ledger g ON g.order_id = o.id AND g.cause = 'process'
           JOIN (SELECT l.order_id, COUNT(*) AS lines, SUM(l.quantity) AS units FROM order_line l WHERE NOT l.composite
             GROUP BY l.order_id) t ON t.order_id = o.id
         GROUP BY o.id, o.state, t.lines, t.units
         HAVING o.state <> 'processed' OR COUNT(*) > t.lines OR SUM(g.on_hand_change) < -t.units
         LIMIT 100";
        "the despatch state of an order is that of the message that needs somebody most" =>
        "SELECT 'order ' || t.order_id AS subject, t.despatch_state AS found, t.expected
         FROM (SELECT m.order_id, o.despatch_state,
             CASE MAX(CASE m.state WHEN 'failed' THEN 4 WHEN 'rejected' THEN 3 WHEN 'queued' THEN 2 WHEN 'sent' THEN 1 ELSE 0 END)
               WHEN 4 THEN 'failed' WHEN 3 THEN 'rejected' WHEN 2 THEN 'queued' WHEN 1 THEN 'sent' ELSE 'confirmed' END AS expected
           FROM outbox m JOIN orders o ON o.id = m.order_id GROUP BY m.order_id, o.despatch_state) t
         WHERE t.despatch_state <> t.expected AND NOT (t.expected = 'sent' AND t.despatch_state = 'queued') LIMIT 100";
        "an order whose lines went to another is out of the books, and has none left" =>
        "SELECT 'order ' || o.id AS subject, o.state || ', ' || COUNT(l.id) || ' lines' AS found, 'deleted, none' AS expected
         FROM orders o LEFT JOIN order_line l ON l.order_id = o.id WHERE o.merged_into IS NOT NULL
         GROUP BY o.id, o.state HAVING o.state <> 'deleted' OR COUNT(l.id) > 0 LIMIT 100";
        "a payload that was taken belongs to an order" =>
        "SELECT 'payload ' || i.id AS subject, 'order ' || COALESCE(CAST(i.order_id AS TEXT), 'none') AS found, 'an order' AS expected
         FROM inbox i LEFT JOIN orders o ON o.id = i.order_id WHERE i.state = 'taken' AND o.id IS NULL LIMIT 100";
    })
}

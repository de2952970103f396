//! Every statement of the program is one that both engines understand, and gives what its row type reads.

use consign_db::testing::on_each_engine;
use consign_oms::MIGRATIONS;

#[test]
fn every_statement_prepares_on_each_engine_and_fills_its_row_type() {
    on_each_engine(MIGRATIONS, |db| {
        let faults = db.write(|tx| Ok::<_, consign_db::Error>(consign_db::check_statements(tx))).unwrap();
        assert!(consign_db::STATEMENTS.len() > 100, "the statements are registered");
        assert!(faults.is_empty(), "{}:\n{}", db.engine_name(), faults.join("\n"));
    });
}

#[test]
fn migrating_twice_does_nothing() {
    on_each_engine(MIGRATIONS, |db| {
        assert_eq!(db.migrate(MIGRATIONS).unwrap(), 0);
        assert_eq!(db.migrated().unwrap().len(), MIGRATIONS.len());
    });
}

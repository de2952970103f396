//! The data layer on both engines: what is committed stays, what fails leaves nothing, ids never repeat.

use std::collections::BTreeSet;
use std::sync::Mutex;

use consign_db::testing::on_each_engine;
use consign_db::{Db, Error, Migration, Query, Tx, row, sql};
use proptest::prelude::*;

const TABLES: &[Migration] = &[Migration {
    name: "0001_test",
    text: "CREATE TABLE thing (id {id}, name TEXT NOT NULL CONSTRAINT thing_name UNIQUE, weight BIGINT CONSTRAINT thing_weight CHECK (weight > 0), good BOOLEAN NOT NULL, data BYTEA);\n{search thing_search}\n",
}];

row! {
    /// A thing.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Thing in "thing" {
        /// Its id.
        pub id: i64,
        /// Its name.
        pub name: String,
        /// Grams.
        pub weight: Option<i64>,
        /// Whether it is.
        pub good: bool,
        /// Whatever.
        pub data: Option<Vec<u8>>,
    }
}

fn thing(id: i64, name: &str) -> Thing {
    Thing { id, name: name.to_owned(), weight: Some(id + 1), good: id % 2 == 0, data: Some(vec![0, 255, id as u8]) }
}

fn count(db: &Db) -> i64 {
    db.read(|tx| tx.one(sql!(i64, "SELECT COUNT(*) FROM thing"), &[])).unwrap()
}

#[test]
fn rows_come_back_as_they_were_put_in() {
    on_each_engine(TABLES, |db| {
        let things: Vec<Thing> = (0..2_500).map(|n| thing(n, &format!("thing {n} é\u{1F600}"))).collect();
        db.write(|tx| tx.insert_many(&things)).unwrap();
        let back = db.read(|tx| tx.all(sql!(Thing, "SELECT {*} FROM thing ORDER BY id"), &[])).unwrap();
        assert_eq!(back, things);
        let names = ["thing 7 é\u{1F600}", "no such"];
        let found = db.read(|tx| {
            tx.all_in(sql!(Thing, "SELECT {t.*} FROM thing t WHERE t.good = $1 AND t.name {in}"), &names, &[&false])
        });
        assert_eq!(found.unwrap(), vec![things[7].clone()]);
        let none = db.read(|tx| tx.all_in(sql!(Thing, "SELECT {*} FROM thing WHERE id {in}"), &[] as &[i64], &[]));
        assert!(none.unwrap().is_empty());
    });
}

#[test]
fn a_failed_transaction_leaves_nothing_and_a_failed_attempt_only_itself() {
    on_each_engine(TABLES, |db| {
        let failed: Result<(), Error> = db.write(|tx| {
            tx.insert(&thing(1, "one"))?;
            Err(Error::NoRow)
        });
        assert!(matches!(failed, Err(Error::NoRow)));
        assert_eq!(count(db), 0);
        db.write(|tx| {
            tx.insert(&thing(1, "one"))?;
            let twice: Result<(), Error> = tx.attempt(|tx| {
                tx.insert(&thing(2, "two"))?;
                tx.insert(&thing(3, "one"))
            });
            assert!(twice.unwrap_err().is_unique("name"));
            tx.insert(&thing(4, "four"))
        })
        .unwrap();
        assert_eq!(count(db), 2);
    });
}

#[test]
fn broken_constraints_are_told_by_their_kind() {
    on_each_engine(TABLES, |db| {
        db.write(|tx| tx.insert(&thing(1, "one"))).unwrap();
        let unique = db.write(|tx| tx.insert(&thing(2, "one"))).unwrap_err();
        assert!(unique.is_unique("name"), "{unique}");
        let check = db.write(|tx| tx.insert(&Thing { weight: Some(0), ..thing(2, "two") })).unwrap_err();
        assert!(check.is_check("thing_weight"), "{check}");
    });
}

#[test]
fn a_panic_in_a_transaction_undoes_it_and_the_next_one_works() {
    on_each_engine(TABLES, |db| {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            db.write(|tx| -> Result<(), Error> {
                tx.insert(&thing(1, "one"))?;
                panic!("on purpose")
            })
        }));
        assert!(panicked.is_err());
        db.write(|tx| tx.insert(&thing(2, "two"))).unwrap();
        assert_eq!(count(db), 1);
    });
}

#[test]
fn ids_never_repeat_over_threads_rollbacks_and_reopening() {
    on_each_engine(TABLES, |db| {
        let seen = Mutex::new(BTreeSet::new());
        std::thread::scope(|scope| {
            for thread in 0..8_usize {
                let seen = &seen;
                scope.spawn(move || {
                    for turn in 0..50 {
                        let fails = (thread + turn) % 5 == 0;
                        let taken: Result<_, Error> = db.write(|tx| {
                            let ids = tx.next_ids("thing", 1 + turn % 3)?;
                            if fails { Err(Error::NoRow) } else { Ok(ids) }
                        });
                        if let Ok(ids) = taken {
                            let mut seen = seen.lock().unwrap();
                            assert!(ids.into_iter().all(|id| seen.insert(id)), "an id was handed out twice");
                        }
                    }
                });
            }
        });
        assert!(seen.lock().unwrap().len() > 500);
    });
}

#[test]
fn two_writers_at_once_lose_no_update() {
    on_each_engine(TABLES, |db| {
        db.write(|tx| tx.insert(&thing(0, "counter"))).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        db.write(|tx| {
                            let weight: i64 = tx.one(
                                sql!(i64, "SELECT weight FROM thing WHERE id = $1 /*pg FOR UPDATE*/"),
                                &[&0_i64],
                            )?;
                            tx.execute(sql!("UPDATE thing SET weight = $2 WHERE id = $1"), &[&0_i64, &(weight + 1)])
                        })
                        .unwrap();
                    }
                });
            }
        });
        let weight = db.read(|tx| tx.one(sql!(i64, "SELECT weight FROM thing"), &[])).unwrap();
        assert_eq!(weight, 201);
    });
}

fn search(tx: &mut Tx<'_>, needle: &str) -> Result<Vec<i64>, Error> {
    let mut query = Query::new("SELECT t.id FROM thing t WHERE ");
    query.push_text_match("thing_search", "t.id", needle).push(" ORDER BY t.id DESC").limit(10);
    tx.query(&query)
}

#[test]
fn text_is_found_by_any_part_in_any_case_and_forgotten_when_deleted() {
    on_each_engine(TABLES, |db| {
        db.write(|tx| {
            for (id, text) in [(1, "Ann O'Neill 100% LS1_1AA"), (2, "Bob \"Quote\" SY23"), (3, "Ann Lee")] {
                tx.insert(&thing(id, text))?;
                tx.search_put("thing_search", id, text)?;
            }
            tx.search_put("thing_search", 3, "ann lee-smith")
        })
        .unwrap();
        let find = |needle: &str| db.read(|tx| search(tx, needle)).unwrap();
        assert_eq!(find("ann"), vec![3, 1]);
        assert_eq!(find("O'NEILL"), vec![1]);
        assert_eq!(find("0% l"), vec![1]);
        assert_eq!(find("1_1"), vec![1]);
        assert_eq!(find("\"quote\""), vec![2]);
        assert_eq!(find("lee-smith"), vec![3]);
        assert!(find("an").is_empty() && find("a%b").is_empty() && find("zzz\0").is_empty());
        db.write(|tx| tx.search_delete("thing_search", 3)).unwrap();
        assert_eq!(find("ann"), vec![1]);
    });
}

#[test]
fn a_backup_taken_while_others_write_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}", folder.path().join("a.db").display())).unwrap();
    db.migrate(TABLES).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..200 {
                // Two rows at a time: a whole copy has an even number.
                db.write(|tx| tx.insert_many(&[thing(n * 2, &format!("a{n}")), thing(n * 2 + 1, &format!("b{n}"))]))
                    .unwrap();
            }
        });
        for n in 0..5 {
            let file = folder.path().join(format!("copy{n}.db"));
            db.backup_to(&file).unwrap();
            let copy = Db::open(&format!("sqlite:{}", file.display())).unwrap();
            assert_eq!(count(&copy) % 2, 0);
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_needle_makes_a_search_fail(needle in "\\PC{0,20}|[\\x00-\\x7f]{0,20}") {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("a.db").display())).unwrap();
        db.migrate(TABLES).unwrap();
        prop_assert!(db.read(|tx| search(tx, &needle)).is_ok());
    }
}

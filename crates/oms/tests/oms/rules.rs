//! Rules judged: the ways through a tree (reference 5.3), each operator (5.6), what is refused, and a naive second evaluator that must agree
//! with the first on random trees and orders.

use consign_oms::rules::{
    Action, Arity, Body, Facts, Field, FieldKind, Match, Node, Operator, Seen, Shape, Test, Then, compile, evaluate,
    explain,
};
use proptest::prelude::*;

fn test(field: Field, operator: Operator, values: &[&str]) -> Test {
    Test { field, key: String::new(), operator, values: values.iter().map(|value| (*value).to_owned()).collect() }
}

fn node(id: u32, tests: Vec<Test>, then: Then) -> Node {
    Node { id, name: format!("node {id}"), enabled: true, matching: Match::All, tests, then }
}

fn tag(tag: i64) -> Then {
    Then::Actions(vec![Action::Tag { tag }])
}

fn leaf(body: &Body, facts: &Facts) -> Option<u32> {
    evaluate(&compile(body).unwrap(), facts).leaf
}

fn order(country: &str, grams: i64) -> Facts {
    let mut facts = Facts::default();
    facts.set(Field::Country, Seen::text(country));
    facts.set(Field::TotalWeight, Seen::whole(grams));
    facts
}

/// Ireland and over two kilos; Ireland; everything else.
fn ireland() -> Body {
    let heavy = test(Field::TotalWeight, Operator::GreaterThan, &["2000"]);
    Body {
        nodes: vec![
            node(
                1,
                vec![test(Field::Country, Operator::Equals, &["ie"])],
                Then::Nodes(vec![
                    node(2, vec![heavy], tag(1)),
                    node(3, vec![test(Field::TotalWeight, Operator::LessThan, &["500"])], tag(2)),
                ]),
            ),
            node(4, vec![test(Field::Country, Operator::InSet, &["IE", "FR", "DE"])], tag(3)),
            node(5, vec![], tag(4)),
        ],
    }
}

#[test]
fn the_first_branch_that_matches_is_entered_and_nothing_goes_back_up() {
    assert_eq!(leaf(&ireland(), &order("IE", 2_001)), Some(2));
    assert_eq!(leaf(&ireland(), &order("IE", 499)), Some(3));
    assert_eq!(leaf(&ireland(), &order("IE", 1_000)), None, "its parent matched, so the parent's siblings get no turn");
    assert_eq!(leaf(&ireland(), &order("FR", 1_000)), Some(4));
    assert_eq!(leaf(&ireland(), &order("US", 1_000)), Some(5), "a node without tests always matches");
}

#[test]
fn a_disabled_branch_is_passed_over_with_all_that_is_under_it() {
    let mut body = ireland();
    body.nodes[0].enabled = false;
    assert_eq!(leaf(&body, &order("IE", 2_001)), Some(4));
}

#[test]
fn each_step_is_told_with_what_was_seen() {
    let rule = compile(&ireland()).unwrap();
    let (outcome, steps) = explain(&rule, &order("FR", 1_000));
    assert_eq!(outcome.leaf, Some(4));
    let told: Vec<_> = steps.iter().map(|step| (step.node, step.matched, step.tests[0].seen.as_str())).collect();
    assert_eq!(told, [(1, false, "FR"), (4, true, "FR")]);
}

#[test]
fn a_field_with_several_values_holds_for_one_of_them_and_a_negated_test_for_none() {
    let mut facts = Facts::default();
    facts.set(Field::Sku, Seen::texts(["MUG-RED", "PLATE"]));
    let holds = |operator, value: &str| {
        leaf(&Body { nodes: vec![node(1, vec![test(Field::Sku, operator, &[value])], tag(1))] }, &facts).is_some()
    };
    assert!(holds(Operator::StartsWith, "mug"));
    assert!(!holds(Operator::NotStartsWith, "mug"));
    assert!(holds(Operator::NotContains, "spoon"));
    assert!(holds(Operator::Equals, "plate"));
    assert!(holds(Operator::Matches, "^mug-(red|blue)$"));
}

#[test]
fn what_is_not_there_fits_nothing_but_a_negated_test() {
    let on = |operator, values: &[&str]| {
        let gift = Test { key: "Gift".to_owned(), ..test(Field::Property, operator, values) };
        leaf(&Body { nodes: vec![node(1, vec![gift], tag(1))] }, &Facts::default()).is_some()
    };
    assert!(!on(Operator::Equals, &["yes"]));
    assert!(on(Operator::NotEquals, &["yes"]));
    let mut facts = Facts::default();
    facts.set_keyed(Field::Property, "GIFT", Seen::texts(["Yes"]));
    let gift = Test { key: "gift".to_owned(), ..test(Field::Property, Operator::Equals, &["yes"]) };
    assert_eq!(leaf(&Body { nodes: vec![node(1, vec![gift], tag(1))] }, &facts), Some(1));
}

#[test]
fn what_can_not_be_judged_is_refused_with_its_place() {
    let wrong: &[(Test, &str)] = &[
        (test(Field::Total, Operator::Contains, &["1"]), "can't be asked"),
        (test(Field::Country, Operator::GreaterThan, &["1"]), "can't be asked"),
        (test(Field::Total, Operator::AtLeast, &["a lot"]), "is not a number"),
        (test(Field::Total, Operator::AtLeast, &["0.00001"]), "too many digits"),
        (test(Field::Total, Operator::BetweenInclusive, &["5", "2"]), "first number is the smaller"),
        (test(Field::Total, Operator::BetweenInclusive, &["5"]), "needs two values"),
        (test(Field::Town, Operator::Matches, &["("]), "no regular expression"),
        (test(Field::Town, Operator::Matches, &[r"(\w{100}){100}"]), "too large"),
        (test(Field::Town, Operator::InSet, &[]), "at least one value"),
        (test(Field::Town, Operator::Equals, &[""]), "between 1 and"),
        (test(Field::Paid, Operator::Equals, &["maybe"]), "yes or no"),
        (test(Field::Property, Operator::Equals, &["x"]), "Name of the property is missing"),
    ];
    for (test, reason) in wrong {
        let body = Body { nodes: vec![node(1, vec![], tag(1)), node(7, vec![test.clone()], tag(1))] };
        let faults = compile(&body).unwrap_err();
        assert_eq!((faults[0].node, faults[0].test), (7, Some(0)), "{test:?}");
        assert!(faults[0].reason.contains(reason), "{test:?}: {}", faults[0].reason);
    }
    let twice = Body { nodes: vec![node(1, vec![], tag(1)), node(1, vec![], tag(9))] };
    let reasons: Vec<_> = compile(&twice).unwrap_err().into_iter().map(|fault| fault.reason).collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
}

#[test]
fn a_rule_is_what_its_json_says_and_unknown_words_are_refused() {
    let text = serde_json::to_string_pretty(&ireland()).unwrap();
    assert_eq!(serde_json::from_str::<Body>(&text).unwrap(), ireland());
    for wrong in [
        text.replace("\"country\"", "\"planet\""),
        text.replace("\"equals\"", "\"resembles\""),
        text.replace("\"do\": \"tag\"", "\"do\": \"explode\""),
        text.replace("\"name\"", "\"title\""),
    ] {
        assert!(serde_json::from_str::<Body>(&wrong).is_err());
    }
}

#[test]
fn the_kept_corpus_of_the_fuzzer_holds_rules_that_work() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/rule");
    let files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 2);
    for file in files {
        let body: Body = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert!(compile(&body).is_ok(), "{}", file.display());
    }
}

// ---- the second evaluator: written straight from the words of the reference, on the stored form, without compiling anything

fn naive_one(shape: Shape, seen: &Seen, value: &str, second: Option<&str>) -> bool {
    let number = |text: &str| text.parse::<f64>().unwrap();
    match seen {
        Seen::Nothing => false,
        Seen::Texts(all) => all.iter().any(|one| naive_one(shape, &Seen::Text(one.clone()), value, second)),
        Seen::Numbers(all) => all.iter().any(|one| naive_one(shape, &Seen::Number(*one), value, second)),
        Seen::Flag(flag) => *flag == (value == "yes"),
        Seen::Text(text) => {
            let (text, value) = (text.shown().to_lowercase(), value.to_lowercase());
            match shape {
                Shape::Equal => text == value,
                Shape::Start => text.starts_with(&value),
                Shape::End => text.ends_with(&value),
                Shape::Part => text.contains(&value),
                // the generated patterns are plain words
                Shape::Pattern => text.contains(&value),
                _ => unreachable!("no ordering of texts"),
            }
        }
        Seen::Number(seen) => {
            #[allow(clippy::cast_precision_loss, reason = "small numbers, exact in a double")]
            let (seen, value) = (*seen as f64 / 10_000.0, number(value));
            match shape {
                Shape::Equal => seen == value,
                Shape::Above => seen > value,
                Shape::AtOrAbove => seen >= value,
                Shape::Below => seen < value,
                Shape::AtOrBelow => seen <= value,
                Shape::Between { inclusive: true } => value <= seen && seen <= number(second.unwrap()),
                Shape::Between { inclusive: false } => value < seen && seen < number(second.unwrap()),
                _ => unreachable!("no parts of numbers"),
            }
        }
    }
}

fn naive_test(test: &Test, facts: &Facts) -> bool {
    let seen = facts.get(test.field, &test.key.to_lowercase());
    let (shape, negated) = test.operator.shape();
    let found = match test.operator.arity() {
        Arity::Two => naive_one(shape, seen, &test.values[0], Some(&test.values[1])),
        _ => test.values.iter().any(|value| naive_one(shape, seen, value, None)),
    };
    if negated { !found } else { found }
}

fn naive(nodes: &[Node], facts: &Facts) -> Option<u32> {
    for node in nodes.iter().filter(|node| node.enabled) {
        let held = node.tests.iter().map(|test| naive_test(test, facts)).collect::<Vec<_>>();
        let matched = match node.matching {
            Match::All => held.iter().all(|held| *held),
            Match::Any => held.is_empty() || held.contains(&true),
        };
        if matched {
            return match &node.then {
                Then::Actions(_) => Some(node.id),
                Then::Nodes(under) => naive(under, facts),
            };
        }
    }
    None
}

// Few words and numbers, so that tests hold often.
const WORDS: &[&str] = &["a", "ab", "abc", "b", "ba", "c", "Ä", "äb"];
const NUMBERS: &[i64] = &[-10_000, 0, 5_000, 10_000, 25_000, 30_000];

fn value_for(kind: FieldKind) -> BoxedStrategy<String> {
    match kind {
        FieldKind::Flag => prop_oneof![Just("yes".to_owned()), Just("no".to_owned())].boxed(),
        FieldKind::Number(_) | FieldKind::Numbers(_) => {
            prop_oneof![Just("-1"), Just("0"), Just("0.5"), Just("1"), Just("2.50"), Just("3")]
                .prop_map(str::to_owned)
                .boxed()
        }
        _ => proptest::sample::select(WORDS).prop_map(str::to_owned).boxed(),
    }
}

fn any_test() -> impl Strategy<Value = Test> {
    let fields = proptest::sample::select(Field::ALL);
    let pairs =
        (fields, proptest::sample::select(Operator::ALL)).prop_filter("asks what can be asked", |(f, o)| f.takes(*o));
    pairs.prop_flat_map(|(field, operator)| {
        let count = match operator.arity() {
            Arity::One => 1..=1,
            Arity::Two => 2..=2,
            Arity::Several => 1..=3,
        };
        let values = proptest::collection::vec(value_for(field.kind()), count);
        (values, proptest::sample::select(&["k", "L"][..])).prop_map(move |(mut values, key)| {
            if operator.arity() == Arity::Two {
                values.sort_by(|a, b| a.parse::<f64>().unwrap().total_cmp(&b.parse().unwrap()));
            }
            let key = if field.key_label().is_some() { key.to_owned() } else { String::new() };
            Test { field, key, operator, values }
        })
    })
}

fn any_nodes(depth: u32) -> BoxedStrategy<Vec<Node>> {
    let then = if depth == 0 {
        Just(tag(1)).boxed()
    } else {
        prop_oneof![Just(tag(1)), any_nodes(depth - 1).prop_map(Then::Nodes)].boxed()
    };
    let matching = prop_oneof![Just(Match::All), Just(Match::Any)];
    let node = (proptest::collection::vec(any_test(), 0..3), matching, proptest::bool::weighted(0.9), then).prop_map(
        |(tests, matching, enabled, then)| Node { id: 0, name: String::new(), enabled, matching, tests, then },
    );
    proptest::collection::vec(node, 0..4).boxed()
}

fn numbered(mut nodes: Vec<Node>, next: &mut u32) -> Vec<Node> {
    for node in &mut nodes {
        *next += 1;
        (node.id, node.name) = (*next, format!("node {next}"));
        if let Then::Nodes(under) = &mut node.then {
            *under = numbered(std::mem::take(under), next);
        }
    }
    nodes
}

fn any_seen(kind: FieldKind) -> BoxedStrategy<Seen> {
    let words = proptest::sample::select(WORDS);
    let numbers = proptest::sample::select(NUMBERS);
    let seen = match kind {
        FieldKind::Text | FieldKind::Choice => words.prop_map(Seen::text).boxed(),
        FieldKind::Texts | FieldKind::Choices => proptest::collection::vec(words, 0..3).prop_map(Seen::texts).boxed(),
        FieldKind::Number(_) => numbers.prop_map(Seen::Number).boxed(),
        FieldKind::Numbers(_) => proptest::collection::vec(numbers, 0..3).prop_map(Seen::Numbers).boxed(),
        FieldKind::Flag => any::<bool>().prop_map(Seen::Flag).boxed(),
    };
    prop_oneof![1 => Just(Seen::Nothing), 5 => seen].boxed()
}

fn any_facts() -> impl Strategy<Value = Facts> {
    Field::ALL.iter().map(|field| any_seen(field.kind())).collect::<Vec<_>>().prop_map(|all| {
        let mut facts = Facts::default();
        for (field, seen) in Field::ALL.iter().zip(all) {
            match field.key_label() {
                Some(_) => facts.set_keyed(*field, "K", seen),
                None => facts.set(*field, seen),
            }
        }
        facts
    })
}

proptest! {
    #[test]
    fn the_evaluator_agrees_with_a_naive_second_one(nodes in any_nodes(2), facts in any_facts()) {
        let body = Body { nodes: numbered(nodes, &mut 0) };
        let rule = compile(&body).unwrap();
        let outcome = evaluate(&rule, &facts);
        prop_assert_eq!(outcome.leaf, naive(&body.nodes, &facts));
        let (explained, steps) = explain(&rule, &facts);
        prop_assert_eq!(explained, outcome);
        prop_assert_eq!(steps.iter().rev().find(|step| step.matched).map(|step| step.node).filter(|_| outcome.leaf.is_some()), outcome.leaf);
    }

    #[test]
    fn any_json_is_read_or_refused(text in "[\\[\\]{}:,\"a-z0-9 ]{0,200}") {
        if let Ok(body) = serde_json::from_str::<Body>(&text) {
            let _ = compile(&body);
        }
    }
}

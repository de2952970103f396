//! Markdown texts as a page's content: the manual, the guides of channel kinds, the head of the interface's document.
//!
//! Raw HTML is shown, not obeyed. Headings get ids. Links between pages (`orders.md#moving`) and pictures (`images/…`) are written
//! as they lie in `docs/`, so that they also work where the files are read as they are; here they lead to `/help`.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html::push_html};

/// The text as HTML.
pub fn render(text: &str) -> Markup {
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, Options::ENABLE_TABLES)
        .map(|event| match event {
            Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                Event::Start(Tag::Link { link_type, dest_url: link(&dest_url), title, id })
            }
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                Event::Start(Tag::Image { link_type, dest_url: picture(&dest_url), title, id })
            }
            other => other,
        })
        .collect();
    name_headings(&mut events);
    let mut out = String::new();
    push_html(&mut out, events.into_iter());
    PreEscaped(out)
}

/// A heading as the part of an address: `What blocks what` is `what-blocks-what`.
pub fn anchor(heading: &str) -> String {
    let words = heading.to_lowercase();
    let words = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// The part of a text under the heading of the second level with that anchor, heading included; with a blank anchor, what stands before
/// the first of them. `None` if there is no such heading.
pub fn section<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    let starts: Vec<usize> = text.match_indices("\n## ").map(|(at, _)| at + 1).collect();
    if wanted.is_empty() {
        return Some(starts.first().map_or(text, |end| &text[..*end]));
    }
    let heading = |start: usize| text[start + 3..].lines().next().unwrap_or_default();
    let at = starts.iter().position(|start| anchor(heading(*start)) == wanted)?;
    let end = starts.get(at + 1).copied().unwrap_or(text.len());
    Some(&text[starts[at]..end])
}

fn link(to: &str) -> CowStr<'static> {
    let (page, rest) = to.split_once('#').map_or((to, String::new()), |(page, place)| (page, format!("#{place}")));
    match page.strip_suffix(".md") {
        Some(page) if !page.contains('/') => format!("/help/{page}{rest}").into(),
        _ => to.to_owned().into(),
    }
}

fn picture(from: &str) -> CowStr<'static> {
    match from.strip_prefix("images/") {
        Some(name) => format!("/help/images/{name}").into(),
        None => from.to_owned().into(),
    }
}

fn name_headings(events: &mut [Event<'_>]) {
    let mut words = String::new();
    for at in (0..events.len()).rev() {
        match &mut events[at] {
            Event::End(TagEnd::Heading(_)) => words.clear(),
            Event::Text(text) | Event::Code(text) => words.insert_str(0, text),
            Event::Start(Tag::Heading { id, .. }) => *id = Some(anchor(&words).into()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Orders\n\nFirst.\n\n## Why is it 47?\n\nSee [stock](stock.md#locations), ![it](images/it.png).\n\n## Last\n\nEnd.\n";

    #[test]
    fn headings_links_and_pictures_lead_into_the_manual() {
        let page = render(TEXT).into_string();
        for part in [
            r#"<h2 id="why-is-it-47">Why is it 47?</h2>"#,
            r#"<a href="/help/stock#locations">stock</a>"#,
            r#"<img src="/help/images/it.png" alt="it" />"#,
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }

    #[test]
    fn markup_in_a_text_is_shown_and_not_obeyed() {
        let page = render("a <script>alert(1)</script> b").into_string();
        assert!(page.contains("&lt;script&gt;"), "{page}");
    }

    #[test]
    fn a_section_ends_where_the_next_begins() {
        assert_eq!(section(TEXT, "").unwrap(), "# Orders\n\nFirst.\n\n");
        assert!(section(TEXT, "why-is-it-47").unwrap().ends_with("(images/it.png).\n\n"));
        assert_eq!(section(TEXT, "last").unwrap(), "## Last\n\nEnd.\n");
        assert_eq!(section(TEXT, "nothing"), None);
    }
}

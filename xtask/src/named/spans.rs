//! The code in a Markdown text, with line numbers, and its links. No more of Markdown than these documents use.

/// A piece of code.
pub(crate) struct Span {
    /// Where it begins, from 1.
    pub(crate) line: usize,
    /// Without backticks; a line that ends in a backslash goes on.
    pub(crate) text: String,
    /// A line of a fenced block, or one that is indented by four.
    pub(crate) fenced: bool,
}

/// All code of `text`, in order.
pub(crate) fn spans(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let (mut fenced, mut goes_on) = (false, false);
    for (at, whole) in text.lines().enumerate() {
        if whole.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if !fenced && !whole.starts_with("    ") {
            let inline = whole.split('`').skip(1).step_by(2);
            spans.extend(inline.map(|code| Span {
                line: at + 1,
                text: code.to_owned(),
                fenced: false,
            }));
            continue;
        }
        let (code, more) = match whole.trim().strip_suffix('\\') {
            Some(code) => (code, true),
            None => (whole.trim(), false),
        };
        match spans.last_mut() {
            Some(last) if goes_on => last.text.push_str(code),
            _ => spans.push(Span {
                line: at + 1,
                text: code.to_owned(),
                fenced: true,
            }),
        }
        goes_on = more;
    }
    spans
}

/// The targets of all links, with their lines.
pub(crate) fn links(text: &str) -> Vec<(usize, &str)> {
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(at, line)| {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            targets.map(move |target| (at + 1, target))
        })
        .collect()
}

//! Puts one user into a kubeconfig and leaves every other byte as it was: the new text is made by
//! inserting lines, and believed only if it reads as the old document with that user and nothing else.

#[cfg(test)]
mod tests;

use super::edit::Refusal;
use super::yaml::{Node, Value, parse};
use crate::text::end_of_line;

/// A user for a kubeconfig.
pub(super) struct User {
    /// The item of `users`, its lines without indentation and without the dash.
    lines: Vec<String>,
    node: Node,
}

impl User {
    /// The user that stands as `lines`, a map with its `name`.
    pub(super) fn new(lines: Vec<String>) -> Result<Self, String> {
        let node = parse(&lines.join("\n"))?.ok_or("a user without a word")?;
        Ok(Self { lines, node })
    }

    fn name(&self) -> &str {
        self.node.get("name").and_then(Node::text).unwrap_or_default()
    }

    /// The item of a list whose dashes stand in `column`.
    pub(super) fn item(&self, column: usize) -> String {
        let indent = " ".repeat(column);
        let line = |(at, line): (usize, &String)| format!("{indent}{} {line}\n", if at == 0 { '-' } else { ' ' });
        self.lines.iter().enumerate().map(line).collect()
    }

    /// The lines behind a dash that is there already, in `column`.
    fn behind_dash(&self, column: usize) -> String {
        self.lines.join(&format!("\n{}", " ".repeat(column)))
    }

    /// A kubeconfig with this user alone.
    fn file(&self) -> String {
        format!("apiVersion: v1\nkind: Config\nusers:\n{}", self.item(0))
    }

    /// `old` with this user; `None` if it is there already.
    ///
    /// # Errors
    /// `old` cannot be read, has another user of this name (and not `force`), or is written in a way
    /// that nobody thought of.
    pub(super) fn merged_into(&self, old: Option<&str>, force: bool) -> Result<Option<String>, Refusal> {
        let old = old.unwrap_or_default();
        let Some(root) = parse(old).map_err(Refusal::Unreadable)?.filter(|root| !root.is_null()) else {
            let new = on_new_line(old) + &self.file().replace('\n', end_of_line(old));
            let expected = parse(&self.file()).ok().flatten();
            return checked(vec![new], |new| *new == expected).map(Some);
        };
        let users = root.get("users");
        let items = users.and_then(Node::items).unwrap_or_default();
        let named: Vec<_> = items.iter().filter(|item| is_called(item, self.name())).collect();
        match named[..] {
            [] => self.added(old, &root, users).map(Some),
            [own] if own.means(&self.node) => Ok(None),
            [_] if !force => Err(Refusal::Other(format!("another user {}", self.name()))),
            [own] => self.replaced(old, &root, own).map(Some),
            _ => Err(Refusal::ByHand),
        }
    }

    fn added(&self, old: &str, root: &Node, users: Option<&Node>) -> Result<String, Refusal> {
        let texts = match (users, users.and_then(Node::items)) {
            (None, _) => self.as_first_key(old, root),
            // What refers to the list would change with it.
            (Some(users), _) if users.is_anchored() => Vec::new(),
            (Some(users), Some(items))
                if users.is_flow && (!items.is_empty() || root.is_flow || has_lines(old, users)) =>
            {
                self.in_brackets(old, users, items)
            }
            (Some(users), Some([])) => self.as_first_item(old, root, users),
            (Some(users), None) if users.is_null() => self.as_first_item(old, root, users),
            (Some(_), Some(items)) => self.behind_items(old, items),
            (Some(_), None) => return Err(Refusal::ByHand),
        };
        let mut expected = root.clone();
        let Value::Map(pairs) = &mut expected.value else { return Err(Refusal::ByHand) };
        let is_users = |(key, _): &(Node, Node)| key.text() == Some("users");
        // With two keys of the name, or one of another kind, no text is as expected.
        match pairs.iter().position(is_users) {
            Some(at) => pairs[at].1.value = with(items_of(&pairs[at].1), self.node.clone()),
            None => {
                let file = parse(&self.file()).map_err(Refusal::Unreadable)?;
                pairs.extend(file.and_then(|file| file.pairs().and_then(|pairs| pairs.last().cloned())));
            }
        }
        checked(texts, |new| new.as_ref() == Some(&expected))
    }

    /// `users` behind everything else.
    fn as_first_key(&self, old: &str, root: &Node) -> Vec<String> {
        if root.is_flow || root.column != 0 {
            return Vec::new();
        }
        let users = format!("users:\n{}", self.item(0)).replace('\n', end_of_line(old));
        vec![on_new_line(old) + &users]
    }

    /// The item below a key that has none.
    fn as_first_item(&self, old: &str, root: &Node, users: &Node) -> Vec<String> {
        if root.column != 0 {
            return Vec::new();
        }
        let empty = format!("{}{}", &old[..users.span.start], &old[users.span.end..]);
        let below = next_line(&empty, users.span.start);
        vec![self.inserted(&empty, below, 0)]
    }

    /// The item before the closing bracket.
    fn in_brackets(&self, old: &str, users: &Node, items: &[Node]) -> Vec<String> {
        let (at, comma) = items.last().map_or((users.span.end - 1, ""), |last| (last.span.end, ", "));
        vec![format!("{}{comma}{}{}", &old[..at], self.node.json(), &old[at..])]
    }

    /// The item behind the last one and the comments that belong to that; where those are none (in a text
    /// of many lines, say), at once behind it, or behind the empty lines that such a text may end with.
    fn behind_items(&self, old: &str, items: &[Node]) -> Vec<String> {
        let Some((first, last)) = items.first().zip(items.last()) else { return Vec::new() };
        let Some(column) = dash(old, first) else { return Vec::new() };
        let behind = next_line(old, trimmed_end(old, last));
        let mut behind_comments = behind;
        for line in old[behind..].split_inclusive('\n') {
            let words = line.trim_start_matches(' ');
            if !words.starts_with('#') || line.len() - words.len() <= column {
                break;
            }
            behind_comments += line.len();
        }
        let end = last.span.end;
        let behind_text = if old[..end].ends_with('\n') { end } else { behind };
        [behind_comments, behind, behind_text].map(|at| self.inserted(old, at, column)).into()
    }

    fn inserted(&self, old: &str, at: usize, column: usize) -> String {
        let item = self.item(column).replace('\n', end_of_line(old));
        on_new_line(&old[..at]) + &item + &old[at..]
    }

    fn replaced(&self, old: &str, root: &Node, own: &Node) -> Result<String, Refusal> {
        let new = if own.is_flow { self.node.json() } else { self.behind_dash(own.column) };
        let new = new.replace('\n', end_of_line(old));
        let text = format!("{}{new}{}", &old[..own.span.start], &old[trimmed_end(old, own)..]);
        let mut expected = root.clone();
        let Value::Map(pairs) = &mut expected.value else { return Err(Refusal::ByHand) };
        for item in
            pairs.iter_mut().filter(|(key, _)| key.text() == Some("users")).flat_map(|(_, users)| items_mut(users))
        {
            if item.span == own.span {
                *item = self.node.clone();
            }
        }
        checked(vec![text], |new| new.as_ref() == Some(&expected))
    }
}

/// Whether `text`, a kubeconfig, has a user called `name`.
pub(super) fn has_user(text: &str, name: &str) -> bool {
    let root = parse(text).ok().flatten();
    let users = root.as_ref().and_then(|root| root.get("users")).and_then(Node::items).unwrap_or_default();
    users.iter().any(|user| is_called(user, name))
}

fn is_called(user: &Node, name: &str) -> bool {
    user.get("name").and_then(Node::text) == Some(name)
}

/// The first text that reads as it should.
fn checked(texts: Vec<String>, is_right: impl Fn(&Option<Node>) -> bool) -> Result<String, Refusal> {
    let right = texts.into_iter().find(|text| parse(text).is_ok_and(|node| is_right(&node)));
    right.ok_or(Refusal::ByHand)
}

fn items_of(users: &Node) -> Vec<Node> {
    users.items().unwrap_or_default().to_vec()
}

fn items_mut(users: &mut Node) -> &mut [Node] {
    if let Value::List(items) = &mut users.value { items } else { &mut [] }
}

fn with(mut items: Vec<Node>, item: Node) -> Value {
    items.push(item);
    Value::List(items)
}

/// The column of the dash before `item`, if it stands on the same line and begins it.
fn dash(text: &str, item: &Node) -> Option<usize> {
    let line = text[..item.span.start].rsplit('\n').next()?.trim_end_matches(' ');
    let indent = line.strip_suffix('-')?;
    indent.bytes().all(|byte| byte == b' ').then_some(indent.len())
}

fn has_lines(text: &str, node: &Node) -> bool {
    text[node.span.clone()].contains('\n')
}

/// Where `node` ends, without the line ends that a text of many lines has in it.
fn trimmed_end(text: &str, node: &Node) -> usize {
    node.span.start + text[node.span.clone()].trim_end().len()
}

/// Where the line behind the one at `offset` begins.
fn next_line(text: &str, offset: usize) -> usize {
    text[offset..].find('\n').map_or(text.len(), |end| offset + end + 1)
}

/// `text`, ended by a line end if there is something to end.
fn on_new_line(text: &str) -> String {
    let unfinished = if text.is_empty() || text.ends_with('\n') { "" } else { end_of_line(text) };
    format!("{text}{unfinished}")
}

//! Pages of the documentation and their blocks of code.

use std::fs;
use std::path::Path;

use crate::tidy::root;

/// Page in Markdown, with its path from the root.
pub struct Page {
    pub path: String,
    pub text: String,
}

/// Block of code, without its fence and its indentation.
pub struct CodeBlock {
    /// First line of the block or its fence, from 1.
    pub line: usize,
    /// Word after the fence; `None` if the block is indented.
    pub language: Option<String>,
    pub text: String,
    /// Last line before the block that is not blank.
    before: String,
}

impl CodeBlock {
    pub fn is_command(&self) -> bool {
        self.language.as_deref().is_none_or(|language| ["sh", "bash", "console"].contains(&language))
    }

    /// Reason in the comment before the block.
    pub fn reason_not_to_run(&self) -> Option<&str> {
        self.before.trim().strip_prefix("<!-- not run:")?.strip_suffix("-->").map(str::trim)
    }
}

impl Page {
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path: path.to_owned(), text }
    }

    /// Blocks that a walk runs, in order.
    pub fn commands(&self) -> Vec<CodeBlock> {
        let blocks = self.blocks().into_iter();
        blocks.filter(|block| block.is_command() && block.reason_not_to_run().is_none()).collect()
    }

    /// Texts of the fences of a language, in order.
    pub fn fences(&self, language: &str) -> Vec<String> {
        let blocks = self.blocks().into_iter().filter(|block| block.language.as_deref() == Some(language));
        blocks.map(|block| block.text).collect()
    }

    pub fn blocks(&self) -> Vec<CodeBlock> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut blocks = Vec::new();
        // Indentation of what belongs to the list item above.
        let mut item = 0;
        let mut before = "";
        let mut next = 0;
        while next < lines.len() {
            let (line, start) = (lines[next], next);
            let indentation = line.len() - line.trim_start().len();
            let context = if indentation >= item { item } else { 0 };
            let is_after_blank = start == 0 || lines[start - 1].trim().is_empty();
            next += 1;
            if let Some(language) = line.trim_start().strip_prefix("```") {
                let length =
                    lines[next..].iter().position(|line| line.trim_start().starts_with("```")).expect("a fence ends");
                let language = language.split(' ').next().unwrap_or_default().to_owned();
                let text = without_indentation(&lines[next..next + length], indentation);
                blocks.push(CodeBlock { line: start + 1, language: Some(language), text, before: before.to_owned() });
                next += length + 1;
            } else if !line.trim().is_empty() && is_after_blank && indentation >= context + 4 {
                let is_inside =
                    |line: &&str| line.trim().is_empty() || line.len() - line.trim_start().len() >= context + 4;
                next = start + lines[start..].iter().take_while(|line| is_inside(line)).count();
                let text = without_indentation(&lines[start..next], context + 4);
                blocks.push(CodeBlock { line: start + 1, language: None, text, before: before.to_owned() });
            } else if let Some(width) = list_mark(line) {
                item = width;
            } else if indentation == 0 && !line.is_empty() {
                item = 0;
            }
            if !line.trim().is_empty() {
                before = line;
            }
        }
        blocks
    }
}

/// Width of the mark of a list item with the spaces around it.
fn list_mark(line: &str) -> Option<usize> {
    let rest = line.trim_start();
    let digits = rest.find(|next: char| !next.is_ascii_digit())?;
    let after = match digits {
        0 => rest.strip_prefix(['-', '*'])?,
        _ => rest[digits..].strip_prefix('.')?,
    };
    let text = after.trim_start();
    (text.len() < after.len()).then_some(line.len() - text.len())
}

fn without_indentation(lines: &[&str], width: usize) -> String {
    let text: Vec<&str> = lines.iter().map(|line| line.get(width..).unwrap_or("")).collect();
    text.join("\n").trim_end().to_owned() + "\n"
}

/// All pages for readers.
pub fn all() -> Vec<Page> {
    let mut paths = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned).to_vec();
    add_pages(&root().join("docs"), &mut paths);
    add_pages(&root().join("deploy"), &mut paths);
    paths.iter().map(|path| Page::read(path)).collect()
}

fn add_pages(directory: &Path, paths: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            add_pages(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path.strip_prefix(root()).expect("below the root").to_str().expect("UTF-8").to_owned());
        }
    }
    paths.sort();
}

// Trees of plain objects, and the only code that writes to the document. Views return trees; `show` writes what changed.
// Text reaches the page by text nodes and attributes alone, so no label can become markup. A text that changes is a new
// node: it stands where its alignment puts it, while whatever did not change must not move.

const SVG = "http://www.w3.org/2000/svg";
const shown = new WeakMap();

/**
 * Description of an element. Children are texts, numbers, elements, lists of these, or null for nothing. An element whose
 * `key` changes is made anew, and one that is a `line` of several pieces whenever the length of its text changes.
 */
export const h = (tag, props, ...children) => ({ tag, props: props ?? {}, children: children.flat(9) });

/** Makes `children` the children of `parent`, and writes only what differs from the last time. */
export function show(parent, children) {
  const before = shown.get(parent) ?? [];
  if (!shown.has(parent)) parent.replaceChildren();
  children.forEach((child, index) => {
    const node = parent.childNodes[index];
    if (!node) parent.append(made(parent, child));
    else if (child !== before[index] && !update(node, before[index], child)) node.replaceWith(made(parent, child));
  });
  while (parent.childNodes.length > children.length) parent.lastChild.remove();
  shown.set(parent, children);
}

/** Text of a child that is no element; nothing keeps its place as an empty text. */
const textOf = (child) => (child == null || child === false ? "" : String(child));

function made(parent, child) {
  if (!child?.tag) return document.createTextNode(textOf(child));
  const inside = parent.namespaceURI === SVG || child.tag === "svg";
  const node = inside ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
  write(node, {}, child.props);
  show(node, child.children);
  return node;
}

const lengthOf = (child) => (child?.tag ? child.children.reduce((sum, one) => sum + lengthOf(one), 0) : textOf(child).length);

/** Returns false if the node cannot become the new child and must be replaced. */
function update(node, before, child) {
  if (before?.tag !== child?.tag) return false;
  if (!child?.tag) return textOf(before) === textOf(child);
  if (before.props.key !== child.props.key || (child.props.line && lengthOf(before) !== lengthOf(child))) return false;
  write(node, before.props, child.props);
  show(node, child.children);
  return true;
}

function write(node, before, props) {
  for (const key of Object.keys({ ...before, ...props })) {
    const value = props[key];
    if (key === "key" || key === "line") continue;
    if (key === "css") writeStyle(node, before.css ?? {}, value ?? {});
    else if (value === before[key]) continue;
    else if (typeof (value ?? before[key]) === "function") node[key] = value ?? null;
    else if (value == null || value === false) node.removeAttribute(key);
    else node.setAttribute(key, value === true ? "" : value);
  }
}

function writeStyle(node, before, style) {
  for (const key of Object.keys({ ...before, ...style })) {
    if (style[key] == null) node.style.removeProperty(key);
    else if (style[key] !== before[key]) node.style.setProperty(key, style[key]);
  }
}

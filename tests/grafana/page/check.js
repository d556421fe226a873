// What a reader cannot read: text that is cut, and text that is too small.

const LEAST_FONT_PX = 9;

const clips = (overflow) => overflow !== "visible";

/** Boxes of the text of an element's own text nodes. */
function textBoxes(element) {
  const nodes = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
  return nodes.map((node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return { text: node.textContent.trim(), box: range.getBoundingClientRect() };
  });
}

/** Nearest box that cuts a text, or null. */
function cutterOf(element, box, panel) {
  for (let ancestor = element; ancestor && ancestor !== panel.parentElement; ancestor = ancestor.parentElement) {
    const style = getComputedStyle(ancestor);
    const edge = ancestor.getBoundingClientRect();
    // The box of a text is higher than its letters.
    const slack = 2 + box.height / 4;
    if (clips(style.overflowX) && (box.right > edge.right + 1 || box.left < edge.left - 1)) return ancestor;
    // A list that can be scrolled down is whole.
    const isScrolled = ["auto", "scroll"].includes(style.overflowY);
    if (clips(style.overflowY) && !isScrolled && (box.bottom > edge.bottom + slack || box.top < edge.top - slack)) return ancestor;
    if (isScrolled && (box.bottom > edge.bottom + slack || box.top < edge.top - slack)) return null;
  }
  return null;
}

/** Texts of a drawn panel that a reader cannot read. */
export function unreadable(panel) {
  const found = [];
  for (const element of panel.querySelectorAll("*")) {
    if (element.closest("[data-testid*='hover-header'], svg, canvas") || getComputedStyle(element).visibility === "hidden") continue;
    for (const { text, box } of textBoxes(element)) {
      if (box.width === 0) continue;
      const isCut = cutterOf(element, box, panel) !== null || (clips(getComputedStyle(element).overflowX) && element.scrollWidth > element.clientWidth + 1);
      if (isCut) found.push(`cut: ${text}`);
      else if (parseFloat(getComputedStyle(element).fontSize) < LEAST_FONT_PX) found.push(`too small: ${text}`);
    }
  }
  return [...new Set(found)];
}

"""What a picture shows that no other test does: letters have room, nothing is wider than its frame."""

from __future__ import annotations

from playwright.sync_api import Page

# Lines that may wrap are never tighter than 1.45 (stacked diacritics), letters never smaller than 14 px, 13 for mono.
TIGHT = """() => [...document.querySelectorAll('body *')].filter(node => [...node.childNodes].some(
  child => child.nodeType === 3 && child.data.trim())).map(node => {
    const style = getComputedStyle(node), size = parseFloat(style.fontSize), line = parseFloat(style.lineHeight);
    const mono = style.fontFamily.includes('Mono');
    if (!node.checkVisibility() || node.tagName === 'TITLE' || style.fontSize === '0px') return null;
    const wrong = size < (mono ? 13 : 14) || line / size < 1.44;
    return wrong ? `${node.className || node.tagName} ${size}/${line} ${node.textContent.slice(0, 40)}` : null;
}).filter(Boolean)"""

FITS = "document.documentElement.scrollWidth <= innerWidth"

# Wider than its frame: what scrolls sideways, what reaches past its panel, list, dialog or the window, and what is cut
# without three dots to say so. A pixel is rounding; what only a screen reader sees is a pixel wide.
WIDE = """() => [...document.querySelectorAll('body *')].filter(node => node.checkVisibility({visibilityProperty: true})
  && !node.closest('svg, .sr-only, [data-stacked] thead')).map(node => {
    const style = getComputedStyle(node), box = node.getBoundingClientRect();
    const over = node.scrollWidth - node.clientWidth, said = node.textContent.trim().slice(0, 40);
    const name = `${node.tagName.toLowerCase()}.${[...node.classList].join('.')} "${said}"`;
    const dots = one => (one = getComputedStyle(one)).textOverflow === 'ellipsis' && one.overflowX === 'hidden';
    const frame = node.parentElement?.closest('[data-scroller], main, .panel, .modal, body').getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || style.display === 'inline') return null;
    if (['auto', 'scroll'].includes(style.overflowX) && over > 1)
      return `scrolls ${node.scrollWidth} in ${node.clientWidth}: ${name}`;
    if (['hidden', 'clip'].includes(style.overflowX) && style.textOverflow !== 'ellipsis' && over > 1)
      return `cut ${node.scrollWidth} in ${node.clientWidth}: ${name}`;
    let up = node.parentElement;
    while (up && !dots(up) && !up.matches('[data-scroller], main, .panel, .modal, body')) up = up.parentElement;
    if (frame && box.right > frame.right + 1 && !dots(up))
      return `reaches ${Math.round(box.right)} of ${Math.round(frame.right)}: ${name}`;
    return null;
}).filter(Boolean)"""


def misshapen(page: Page) -> list[str]:
    """What is wrong with the letters and widths of the screen."""
    wrong = [] if page.evaluate(FITS) else ["wider than the window"]
    return [*wrong, *page.evaluate(TIGHT), *page.evaluate(WIDE)]

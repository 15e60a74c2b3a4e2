/**
 * `*` (any characters) and `?` (one) over the whole text. Goes back to the last star only, so that no pattern takes
 * more than the product of both lengths.
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  return (text) => {
    let at = 0;
    let next = 0;
    let star = -1;
    let starAt = 0;
    while (at < text.length) {
      const wanted = pattern[next];
      if (wanted === '*') {
        star = next++;
        starAt = at;
      } else if (wanted === '?' || wanted === text[at]) {
        next++;
        at++;
      } else if (star >= 0) {
        next = star + 1;
        at = ++starAt;
      } else {
        return false;
      }
    }
    while (pattern[next] === '*') next++;
    return next === pattern.length;
  };
}

/**
 * A file that the package ships beside its code, as `schemas/window.avsc`, or a folder of them by a name that ends with `/`.
 * The one place that knows where that is: this folder is as deep as the chunks of dist/.
 */
export function packageFile(path: string): URL {
  return new URL(`../../${path}`, import.meta.url);
}

/**
 * What has to be so before Ink is imported. Its colours are chalk's, which ignores NO_COLOR and --color and looks at
 * FORCE_COLOR when it is imported; with DEV set Ink would wait for devtools, and React without NODE_ENV is its slow
 * development build.
 */
export function prepareInk(color: boolean): void {
  process.env['FORCE_COLOR'] = color ? '1' : '0';
  // In dist/ it is a constant, which cannot be set.
  if (process.env['NODE_ENV'] === undefined) Object.assign(process.env, { NODE_ENV: 'production' });
  delete process.env['DEV'];
}

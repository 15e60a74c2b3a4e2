// One static import, itself imported dynamically: `yaml` is CommonJS, whose names a bundled `import()` would not see.
export { isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, stringify } from 'yaml';

// The same code for import and require: one copy of the classes, one native environment.
export * from './index.js';

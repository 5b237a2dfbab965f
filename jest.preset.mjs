/** One Jest set-up for every project: runs the emitted files, as ES modules, without a transform. */
export default (rootDir, name) => ({
  rootDir,
  displayName: name,
  testEnvironment: 'node',
  transform: {},
  roots: ['<rootDir>/dist'],
  testMatch: ['<rootDir>/dist/**/*.spec.js'],
});

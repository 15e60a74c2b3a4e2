/** Where a value came from, strongest first. */
export type Origin = 'flag' | 'environment' | 'project file' | 'user file' | 'rpk profile' | 'default';

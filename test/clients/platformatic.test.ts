import { runContract } from './contract.ts';
import { runGroupContract } from './groupContract.ts';

runContract('platformatic');
runGroupContract('platformatic');

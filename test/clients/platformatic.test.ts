import { runContract } from './contract.ts';
import { runGroupContract } from './groupContract.ts';
import { runTransactionContract } from './transactionContract.ts';

runContract('platformatic');
runGroupContract('platformatic');
runTransactionContract('platformatic');

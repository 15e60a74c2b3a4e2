import { runContract } from './contract.ts';
import { runGroupContract } from './groupContract.ts';
import { runLookContract } from './lookContract.ts';
import { runTransactionContract } from './transactionContract.ts';

runContract('platformatic');
runGroupContract('platformatic');
runLookContract('platformatic');
runTransactionContract('platformatic');

import '../src/main';

// However the demo ends, a killed one included, its service stops in order and PostgreSQL with it.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));

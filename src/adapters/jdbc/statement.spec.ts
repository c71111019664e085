import { DIALECTS } from './dialect';
import { parseStatement } from './statement';
import { type DialectName } from './url';

const parsed = (text: string, dialect: DialectName = 'postgresql') => parseStatement(text, DIALECTS[dialect]);

describe('statements of the user', () => {
  it.each<[DialectName, string, string, string[]]>([
    ['postgresql', 'SELECT :a, :b::int, :a', 'SELECT $1, $2::int, $3', ['a', 'b', 'a']],
    [
      'postgresql',
      `SELECT ':a', ":b", E'\\':c', $q$ :d $q$, $$:e$$, :f`,
      `SELECT ':a', ":b", E'\\':c', $q$ :d $q$, $$:e$$, $1`,
      ['f'],
    ],
    ['postgresql', 'SELECT x[1:2] -- :a\n /* :b */ , :c;', 'SELECT x[1:2] -- :a\n /* :b */ , $1', ['c']],
    ['mysql', "SELECT '\\':a', `:b`, :c # :d", "SELECT '\\':a', `:b`, ? # :d", ['c']],
    ['mysql', 'SET @x := :a', 'SET @x := ?', ['a']],
    ['sqlserver', 'EXEC [p:q] :a', 'EXEC [p:q] @p1', ['a']],
    ['oracle', 'CALL p(:a, :b)', 'CALL p(:1, :2)', ['a', 'b']],
  ])('%s: %s', (dialect, text, sql, names) => {
    expect(parsed(text, dialect)).toEqual({ ok: true, statement: { sql, names } });
  });

  it.each<[DialectName, string, string]>([
    ['mysql', 'LOAD DATA LOCAL INFILE :f INTO TABLE t', 'local files'],
    ['mysql', 'load /* x */ data low_priority local infile "x" into table t', 'local files'],
    ['mysql', '/*!50000 LOAD DATA LOCAL INFILE "x" INTO TABLE t */', 'executable comments'],
    ['mysql', 'SELECT ?', 'question marks'],
    ['postgresql', 'COPY t FROM STDIN', 'streams'],
    ['postgresql', "COPY t TO PROGRAM 'sh'", 'run programs'],
    ['postgresql', 'SELECT 1; DROP TABLE t', 'one statement'],
    ['postgresql', ' commit', 'transaction'],
  ])('%s refuses %s', (dialect, text, issue) => {
    expect(parsed(text, dialect)).toEqual({ ok: false, issue: expect.stringContaining(issue) as string });
  });

  it('is not fooled by what stands in texts', () => {
    expect(parsed(`INSERT INTO t VALUES ('; COMMIT', 'LOAD DATA LOCAL')`, 'mysql').ok).toBe(true);
  });
});

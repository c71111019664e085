import { type ReactNode } from 'react';

export interface Column<Row> {
  label: string;
  /** In place of the label, where that is more than a text. */
  heading?: ReactNode;
  cell: (row: Row) => ReactNode;
}

interface RowsProps<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
}

/** A table; where there is no room for one, each row is a card with the labels inside. */
export const Rows = <Row,>({ caption, columns, rows, keyOf }: RowsProps<Row>) => (
  <table className="rows">
    <caption className="unseen">{caption}</caption>
    <thead>
      <tr>
        {columns.map(({ label, heading }) => (
          <th key={label} scope="col">
            {heading ?? label}
          </th>
        ))}
      </tr>
    </thead>
    <tbody>
      {rows.map((row) => (
        <tr key={keyOf(row)}>
          {columns.map(({ label, cell }) => (
            <td key={label} data-label={label}>
              {cell(row)}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  </table>
);

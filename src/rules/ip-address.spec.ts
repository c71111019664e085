import { addressBits, parseCidr } from './ip-address';

describe('an address', () => {
  it.each([
    ['0.0.0.0', '4' + '0'.repeat(32)],
    ['255.0.0.1', `4${'1'.repeat(8)}${'0'.repeat(23)}1`],
    ['::', '6' + '0'.repeat(128)],
    ['::1', `6${'0'.repeat(127)}1`],
    ['0:0:0:0:0:0:0:1', `6${'0'.repeat(127)}1`],
    ['8000::', `61${'0'.repeat(127)}`],
    ['::0.0.0.1', `6${'0'.repeat(127)}1`],
  ])('%s is read bit by bit', (text, bits) => {
    expect(addressBits(text)).toBe(bits);
  });

  it.each([
    ...[
      '',
      '1',
      '1.2.3',
      '1.2.3.4.5',
      '256.1.1.1',
      '01.2.3.4',
      '1.2.3.4 ',
      '+1.2.3.4',
      '1.2.3.0x4',
      '1..2.3',
    ],
    ...[
      ':',
      ':::',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1::2::3',
      '12345::',
      'g::',
      '::1%eth0',
      '1:2:3:4:5:6:7::8',
    ],
    ...['1.2.3.4::', '::1.2.3.4:5', '::256.1.1.1', ':1:2:3:4:5:6:7', '1:2:3:4:5:6:7:'],
  ])('%j is none', (text) => {
    expect(addressBits(text)).toBeUndefined();
  });
});

describe('a network', () => {
  it.each([
    ['10.0.0.0/8', '400001010'],
    ['0.0.0.0/0', '4'],
    ['8000::/1', '61'],
  ])('%s is its leading bits', (text, bits) => {
    expect(parseCidr(text)).toEqual({ bits });
  });

  it.each([
    '10.0.0.0',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/33',
    '::/129',
    '::1/64',
  ])('%j is refused', (text) => {
    expect(parseCidr(text)).toHaveProperty('reason');
  });
});

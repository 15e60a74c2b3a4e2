/** What the parser makes of a .proto file; types are names yet. */
export interface FileSyntax {
  readonly syntax: 'proto2' | 'proto3' | 'editions';
  readonly package: string;
  readonly imports: readonly string[];
  readonly messages: readonly MessageSyntax[];
  readonly enums: readonly EnumSyntax[];
  /** Types that services and extensions name. */
  readonly uses: readonly TypeUse[];
}

export interface MessageSyntax {
  readonly name: string;
  readonly line: number;
  readonly fields: FieldSyntax[];
  readonly oneofs: string[];
  readonly messages: MessageSyntax[];
  readonly enums: EnumSyntax[];
  readonly uses: TypeUse[];
  /** Of numbers, both ends included. */
  readonly reserved: [number, number][];
  readonly reservedNames: string[];
  /** Only as the type of the field that declares it. */
  readonly isGroup: boolean;
}

export interface EnumSyntax {
  readonly name: string;
}

export interface FieldSyntax {
  readonly name: string;
  readonly number: number;
  readonly line: number;
  readonly label: 'required' | 'optional' | 'repeated' | null;
  readonly oneof: string | null;
  readonly type: string;
  /** Type of the keys of a map, whose values have `type`. */
  readonly keyType: string | null;
}

export interface TypeUse {
  readonly type: string;
  readonly line: number;
}

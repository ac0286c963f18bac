/** The version of cnibox; a test keeps it equal to package.json's. */
export const release = "0.1.0";
